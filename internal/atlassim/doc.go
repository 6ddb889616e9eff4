// Package atlassim simulates the restore jobs API of MongoDB Atlas, version 1.0 ("legacy backup"), as the API's page
// and RFC 7616 describe it. It is written from those documents alone and shares no code with the client, so the two
// cannot agree on a mistake; curl is the judge of both.
//
// A Server is an http.Handler. Serve it on a socket, or hand Server.Client to the code under test: that client calls
// the handler in-process, so it works inside a testing/synctest bubble.
//
//	sim := new(atlassim.Server)
//	sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, atlassim.PageExample())
//	sim.FailNext(2, atlassim.Status(503))
//
// What it serves is either set job by job (SetJobs) or played from a scenario (Play), a text file with a timeline of
// restore jobs; scenarios/README.md describes its language. Played time may run faster than the clock: Server.Time
// tells what time it is in the world that is served.
package atlassim
