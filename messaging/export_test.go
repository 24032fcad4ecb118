package messaging

// What black-box tests cannot see otherwise.

// SequenceKeys and LongestKey bound the tables of numbers at both ends.
const (
	SequenceKeys = sequenceKeys
	LongestKey   = longestKey
)
