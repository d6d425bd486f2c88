package bpf

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Rehearse makes the connections of a self-check over the loopback of the
// calling thread's network namespace, which it sets up: one that is closed in
// good order, one that is reset, and one that is refused. It starts no
// goroutine and takes less than a millisecond.
func Rehearse() error {
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("set loopback up: %w", err)
	}
	at := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	listener, err := tcpSocket()
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Bind(listener, at), unix.Listen(listener, 5)); err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), unix.Close(listener))
	}
	bound, err := unix.Getsockname(listener)
	if err == nil {
		at.Port = bound.(*unix.SockaddrInet4).Port
		err = errors.Join(orderly(listener, at), reset(listener, at))
	}
	return errors.Join(err, unix.Close(listener), refusal(at))
}

// tcpSocket makes a socket whose calls wait no longer than a broken machine
// deserves.
func tcpSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return 0, fmt.Errorf("make socket: %w", err)
	}
	wait := unix.Timeval{Sec: 1}
	for _, option := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, option, &wait); err != nil {
			return 0, errors.Join(err, unix.Close(fd))
		}
	}
	return fd, nil
}

// pair connects to the listener.
func pair(listener int, at unix.Sockaddr) (client, server int, err error) {
	if client, err = tcpSocket(); err != nil {
		return 0, 0, err
	}
	if err := unix.Connect(client, at); err != nil {
		return 0, 0, errors.Join(fmt.Errorf("connect: %w", err), unix.Close(client))
	}
	if server, _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC); err != nil {
		return 0, 0, errors.Join(fmt.Errorf("accept: %w", err), unix.Close(client))
	}
	return client, server, nil
}

// orderly closes a connection, the client first.
func orderly(listener int, at unix.Sockaddr) error {
	client, server, err := pair(listener, at)
	if err != nil {
		return err
	}
	// With a linger time, the server's close waits until its FIN is
	// acknowledged: it ends in CLOSED, not in LAST-ACK.
	err = errors.Join(
		unix.Shutdown(client, unix.SHUT_WR),
		readEnd(server),
		unix.SetsockoptLinger(server, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 1}),
		unix.Close(server),
		readEnd(client),
		unix.Close(client),
	)
	if err != nil {
		return fmt.Errorf("close in good order: %w", err)
	}
	return nil
}

// reset ends a connection by a reset of the client's.
func reset(listener int, at unix.Sockaddr) error {
	client, server, err := pair(listener, at)
	if err != nil {
		return err
	}
	err = errors.Join(
		unix.SetsockoptLinger(client, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}),
		unix.Close(client),
	)
	if _, got := unix.Read(server, make([]byte, 1)); !errors.Is(got, unix.ECONNRESET) {
		err = errors.Join(err, fmt.Errorf("read after a reset: %v", got))
	}
	if err := errors.Join(err, unix.Close(server)); err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	return nil
}

// refusal connects to where nobody listens any more.
func refusal(at unix.Sockaddr) error {
	client, err := tcpSocket()
	if err != nil {
		return err
	}
	if got := unix.Connect(client, at); !errors.Is(got, unix.ECONNREFUSED) {
		err = fmt.Errorf("connect where nobody listens: %v", got)
	}
	return errors.Join(err, unix.Close(client))
}

// readEnd reads the end of input.
func readEnd(fd int) error {
	n, err := unix.Read(fd, make([]byte, 1))
	if err == nil && n > 0 {
		err = errors.New("data where none was sent")
	}
	return err
}

// loopbackUp sets the loopback interface up.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return errors.Join(unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo), unix.Close(fd))
}
