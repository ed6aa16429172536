package store_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"sluice/model/store"
	"sluice/model/store/storetest"
)

func dirPlace(t *testing.T) func() store.Files {
	dir := t.TempDir()
	return func() store.Files { return store.Dir(dir) }
}

func TestDirFiles(t *testing.T) { storetest.Files(t, dirPlace) }

func TestDirStore(t *testing.T) { storetest.Store(t, dirPlace) }

// memFiles are files in memory whose process can be killed.
type memFiles struct {
	store.Files
	kill func()
}

// Kill ends the process.
func (f memFiles) Kill() { f.kill() }

// TestSystemFaults: each step of the operating system fails in turn.
func TestSystemFaults(t *testing.T) {
	storetest.Faults(t, func(*testing.T) func(storetest.Do) store.Files {
		mem := store.NewMem()
		return func(do storetest.Do) store.Files { return memFiles{mem.Open(do), mem.Kill} }
	})
}

// TestPowerLoss: the power is lost at each step in turn, and with it a part of what was not synced.
func TestPowerLoss(t *testing.T) {
	var draws sync.Map // by the name of the test: the modes run side by side, and each draws its own
	storetest.Kills(t, func(t *testing.T) func(storetest.Do) store.Files {
		v, _ := draws.LoadOrStore(t.Name(), rand.New(rand.NewPCG(7, uint64(len(t.Name())))))
		r, mem := v.(*rand.Rand), store.NewMem()
		return func(do storetest.Do) store.Files { return memFiles{mem.Open(do), func() { mem.PowerLoss(r) }} }
	})
}
