package registry

// Leases returns how many leases the table holds.
func (t *Table) Leases() int { return t.leases.Len() }

// Remembered returns how many changes, and bytes of instances in them, the table
// remembers.
func (t *Table) Remembered() (changes, size int) { return len(t.history.changes), t.history.size }

// Size returns the bytes of all instances.
func (t *Table) Size() int { return t.size }
