// Package archtest tests the repository itself: who may import whom and why, what the Lambda binaries must not link, who
// may read the clock, how big things may grow. A rule in a paragraph rots; one that fails does not.
package archtest
