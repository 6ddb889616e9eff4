// Package killtest proves the programs by killing them: the built artefacts, with real servers behind proxies that reset,
// delay, truncate and swallow, end by SIGKILL at any moment and are started again. What subscribers were told in the end,
// repeats removed by id, has to be what an oracle owes them: each event, in the order of its subject, and no other.
//
// A seed makes the lives of the restore jobs and the script of every run. Which request of two targets comes first, and
// what a kill by the clock hits, is up to the machine; the verdict does not depend on it. The package holds tests only.
package killtest
