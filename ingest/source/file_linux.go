//go:build linux && (amd64 || arm64)

package source

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readsNow tells that readNow is there.
const readsNow = true

// readNow reads what the system has in memory of a file, up to the first page that it has not (preadv2(2)). Nobody
// waits for a disk here, and the runtime need not know of the call: of one that it knows of, and that takes the time of
// copying a block, it thinks that it waits, gives the processor away and looks for it afterwards.
func readNow(f *os.File, p []byte, at int64) (n int) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	_ = conn.Control(func(fd uintptr) {
		for n < len(p) {
			to := unix.Iovec{Base: &p[n]}
			to.SetLen(len(p) - n)
			k, _, errno := syscall.RawSyscall6(unix.SYS_PREADV2, fd, uintptr(unsafe.Pointer(&to)), 1, uintptr(at)+uintptr(n),
				0, unix.RWF_NOWAIT)
			if errno != 0 || k == 0 {
				return
			}
			n += int(k)
		}
	})
	return n
}
