package testbed

import (
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
)

// OwnAddress is a free address of this machine, host and port. On Linux the host is one that nobody else uses, so that
// the port can be given up and taken again: on 127.0.0.1 any connection may get it in between.
func OwnAddress(t testing.TB) string {
	t.Helper()
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		host = fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
