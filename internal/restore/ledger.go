package restore

// A Ledger is every record of one target. Its zero value, with the target set, is a target never watched.
type Ledger struct {
	Target  Target
	Records map[Key]Record
}
