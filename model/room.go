package model

// Room makes n zero values in memory that is written before anything reads it. A table of its own that is read first,
// as those that are asked for what they lack, has each page given twice by the system, and the second time that
// interrupts all processors of the process.
func Room[T any](n int) []T {
	s := make([]T, n)
	clear(s)
	return s
}
