package cli

import "time"

// wallClock is the program's only reading of the clock. Everything else is given the time, so that the demo can hand
// out its own and tests can hold it still.
func wallClock() time.Time { return time.Now() }
