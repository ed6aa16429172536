package store

// Dir says where the store is: its directory.
func (s *Store) Dir() string { return s.files.String() }
