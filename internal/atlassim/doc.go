// Package atlassim simulates the APIs that list the restore jobs of MongoDB clusters, as their pages, specifications and
// RFCs 7616 and 6749 describe them: Atlas legacy backup (v1.0 and v2), Atlas Cloud Backup, Atlas Flex, and Cloud Manager
// with Ops Manager; the lists of clusters and projects beside them; HTTP Digest, and the tokens of service accounts. It is
// written from those documents alone and shares no code with the client, so the two cannot agree on a mistake; curl is the
// judge of both.
//
// A Server is an http.Handler. Serve it on a socket, or hand Server.Client to the code under test: that client calls
// the handler in-process, so it works inside a testing/synctest bubble.
//
//	sim := new(atlassim.Server)
//	sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, atlassim.PageExample())
//	sim.FailNext(2, atlassim.Status(503))
//
// What it serves is either set job by job (SetJobs) or played from a scenario (Play), a text file with a timeline of
// restore jobs; scenarios/README.md describes its language, and what each API makes of it. There is one life of a
// restore, a Job in the words of the legacy API; every API tells that life in its own way, and what an API has no word
// for, it does not tell. The Kind of a cluster says which of them know it at all. Played time may run faster than the
// clock: Server.Time tells what time it is in the world that is served.
package atlassim
