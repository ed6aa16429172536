package source

// remote opens an input on a server; nil: it is one that was read before.
func (r *reader) remote(s *Source, from Remote) (RemoteText, error) {
	s.Remote = true
	if r.options.Past != nil {
		_, digest, err := from.Sum(r.ctx)
		if err != nil {
			return nil, err
		}
		if s.Skipped = r.hadDigest(digest); s.Skipped {
			s.Had = digest
			return nil, nil
		}
	}
	return await(r.ctx, func() (RemoteText, error) { return from.Open(r.ctx) })
}
