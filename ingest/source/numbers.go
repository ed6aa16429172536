package source

import "sync"

// numbers tell on which line of an input a block begins. Every line is read, but few are ever told of: so lines are
// counted as they are read, and who has to tell of one waits until those before are counted.
type numbers struct {
	mu      sync.Mutex
	more    sync.Cond     // some were counted
	block   int           // the first one whose lines are not counted, or not those of one before
	line    int64         // on which it begins
	counted map[int]int64 // lines of blocks from there on
	asked   map[int]int64 // on which line blocks begin that were asked for, 0 before that is known
}

func newNumbers() *numbers {
	n := &numbers{line: 1, counted: map[int]int64{}, asked: map[int]int64{}}
	n.more.L = &n.mu
	return n
}

// count says how many lines a block has. It is said once.
func (n *numbers) count(block int, lines int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.add(block, lines)
}

func (n *numbers) add(block int, lines int64) {
	n.counted[block] = lines
	for {
		lines, ok := n.counted[n.block]
		if !ok {
			break
		}
		if _, ok := n.asked[n.block]; ok {
			n.asked[n.block] = n.line
		}
		delete(n.counted, n.block)
		n.line += lines
		n.block++
	}
	n.more.Broadcast()
}

// first is count, and returns the number of the first line. What is waited for is read by others, who never wait for a
// block behind theirs.
func (n *numbers) first(block int, lines int64) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[block] = 0
	n.add(block, lines)
	for n.block <= block {
		n.more.Wait()
	}
	line := n.asked[block]
	delete(n.asked, block)
	return line
}
