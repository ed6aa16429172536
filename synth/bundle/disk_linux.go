package bundle

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem has all of the file system of a directory outlast a loss of power. It does nothing where that promises
// less than a sync of each file: before Linux 5.8 errors of writing are not told (syncfs(2)), and some file systems, as
// those of other hosts, sync files alone.
func syncFileSystem(dir string) (done bool, err error) {
	if !tellsErrors() {
		return false, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return true, err
	}
	var at unix.Statfs_t
	fd := int(f.Fd())
	if unix.Fstatfs(fd, &at) != nil || !wholly(int64(at.Type)) {
		return false, f.Close()
	}
	return true, errors.Join(unix.Syncfs(fd), f.Close())
}

// wholly reports whether a file system, by its number, syncs files with all of it.
func wholly(magic int64) bool {
	switch magic {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return true
	}
	return false
}

func tellsErrors() bool {
	var major, minor int
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return false
	}
	if n, _ := fmt.Sscanf(string(text), "%d.%d", &major, &minor); n < 2 {
		return false
	}
	return major > 5 || major == 5 && minor >= 8
}
