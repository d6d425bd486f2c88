package wire

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func tcp4(payload []byte) []byte {
	b := make([]byte, 14+20+32, 14+20+32+len(payload))
	b[12], b[13] = 8, 0
	ip := b[14:]
	ip[0] = 0x45
	binary.BigEndian.PutUint16(ip[2:], uint16(52+len(payload)))
	ip[8], ip[9] = 64, 6
	copy(ip[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	ip[20+12] = 8 << 4
	ip[20+13] = 0x18
	b = append(b, payload...)
	ip = b[14:]
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(0, ip[:20])))
	binary.BigEndian.PutUint16(ip[36:], ^fold(sum(sum(uint64(32+len(payload))+6, ip[12:20]), ip[20:])))
	return b
}

func cpuTime(tb testing.TB) time.Duration {
	var ru syscall.Rusage
	check(tb, syscall.Getrusage(0, &ru))
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

func cpuIdle(tb testing.TB) float64 {
	b, err := os.ReadFile("/proc/stat")
	check(tb, err)
	f := strings.Fields(strings.SplitN(string(b), "\n", 2)[0])
	v, _ := strconv.ParseFloat(f[6], 64)
	w, _ := strconv.ParseFloat(f[7], 64)
	return v + w
}
