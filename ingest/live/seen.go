package live

// seenWindow is how many ids one generation holds; between one and two generations are remembered, 16 MB at most with
// their indices.
const seenWindow = 1 << 19

// seen remembers the ids of the newest records, to tell repetitions. It indexes them only when somebody asks, and
// nobody does while records come in order: a record newer than all of its node cannot be a repetition.
type seen struct {
	gen [2]generation // the current one first
}

type generation struct {
	from    int64 // watermark when the first id came
	ids     []uint64
	indexed int      // how many of ids are in the index
	index   []uint64 // open addressing; 0 is free
}

// add remembers an id that came when the watermark was at a time.
func (s *seen) add(id uint64, watermark int64) {
	g := &s.gen[0]
	if len(g.ids) == seenWindow {
		s.gen[0], s.gen[1] = s.gen[1], s.gen[0]
		g = &s.gen[0]
		g.reset()
	}
	if len(g.ids) == 0 {
		g.from = watermark
	}
	g.ids = append(g.ids, id)
}

// from is the watermark that the ids reach back to: as long as none was forgotten, that of the first.
func (s *seen) from() int64 {
	if len(s.gen[1].ids) > 0 {
		return s.gen[1].from
	}
	return s.gen[0].from
}

// has reports whether an id is remembered.
func (s *seen) has(id uint64) bool { return s.gen[0].has(id) || s.gen[1].has(id) }

func (g *generation) reset() {
	g.ids, g.indexed = g.ids[:0], 0
	clear(g.index)
}

func (g *generation) has(id uint64) bool {
	if g.indexed < len(g.ids) {
		g.catchUp()
	}
	if len(g.index) == 0 {
		return false
	}
	mask := uint64(len(g.index) - 1)
	for i := spread(id) & mask; g.index[i] != 0; i = (i + 1) & mask {
		if g.index[i] == id {
			return true
		}
	}
	return false
}

// catchUp brings the index up to the ids. It grows with them, so that a quiet stream costs little memory.
func (g *generation) catchUp() {
	if need := 2 * len(g.ids); need > len(g.index) {
		size := max(1024, len(g.index))
		for size < need {
			size *= 2
		}
		g.index, g.indexed = make([]uint64, size), 0
	}
	mask := uint64(len(g.index) - 1)
	for _, id := range g.ids[g.indexed:] {
		i := spread(id) & mask
		for g.index[i] != 0 && g.index[i] != id {
			i = (i + 1) & mask
		}
		g.index[i] = id
	}
	g.indexed = len(g.ids)
}

// spread makes the low bits of an id depend on all of them, whatever the client made it of.
func spread(id uint64) uint64 { return (id ^ id>>32) * 0x9E3779B97F4A7C15 >> 20 }
