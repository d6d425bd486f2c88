package link

import (
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ethtoolValue is struct ethtool_value of linux/ethtool.h.
type ethtoolValue struct {
	cmd  uint32
	data uint32
}

// ifreqPointer is struct ifreq of linux/if.h with a pointer in its union.
type ifreqPointer struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24 - unsafe.Sizeof(uintptr(0))]byte
}

// noOffload makes the interface name, in the namespace of the socket fd, give
// away frames as they would be on a wire. Without checksum offload the kernel
// also drops scatter-gather, and with it all segmentation offload
// (netdev_fix_features in net/core/dev.c). A veth receives frame by frame as
// it is made (veth_newlink switches GRO off); before Linux 5.13 it knew no GRO.
//
// The socket may be of any kind: its namespace is all that counts.
func noOffload(fd int, name string) error {
	if len(name) >= unix.IFNAMSIZ {
		return errors.New("interface name is too long")
	}
	value := ethtoolValue{cmd: unix.ETHTOOL_STXCSUM}
	req := ifreqPointer{data: unsafe.Pointer(&value)}
	copy(req.name[:], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	runtime.KeepAlive(&value)
	if errno != 0 {
		return errno
	}
	return nil
}
