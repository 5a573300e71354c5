//go:build linux

package egress_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/egress"
)

// silent is an address that accepts no more connections and refuses none, with its port.
func silent(t *testing.T) (port int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		t.Cleanup(func() { _ = syscall.Close(fd) })
		err = errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0))
	}
	if err != nil {
		t.Fatal(err)
	}
	name, _ := syscall.Getsockname(fd)
	port = name.(*syscall.SockaddrInet4).Port
	for range 10 { // its queue is full then
		c, err := net.DialTimeout("tcp", fmt.Sprint("127.0.0.1:", port), 100*time.Millisecond)
		if err != nil {
			return port
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("its queue is never full")
	return 0
}

// TestDialEnds: nobody dials any more once the request has had its time, however many addresses a name has.
func TestDialEnds(t *testing.T) {
	dialling := func() int {
		stacks := make([]byte, 1<<20)
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "egress.Gate.dial(")
	}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	nobodyAnswers := func(ctx context.Context, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, resolve := range map[string]func(context.Context, string) ([]netip.Addr, error){
		"silent addresses": names(strings.Repeat("127.0.0.1 ", 100)), "a silent name server": nobodyAnswers,
	} {
		g := egress.Gate{Allow: loopback, Resolve: resolve}
		if err := get(t, g.Client(100*time.Millisecond), fmt.Sprintf("http://hooks.example.org:%d/", silent(t))); err == nil {
			t.Errorf("%s: there is an answer", name)
		}
		for deadline := time.Now().Add(2 * time.Second); dialling() > 0 && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		if n := dialling(); n > 0 {
			t.Errorf("%s: %d still dial", name, n)
		}
	}
	u, _ := server(t, func(http.ResponseWriter, *http.Request) {})
	for refusing, reached := range map[int]bool{7: true, 8: false} {
		g := egress.Gate{Allow: loopback, Resolve: names(strings.Repeat("127.0.0.2 ", refusing) + "127.0.0.1")}
		if err := get(t, g.Client(time.Second), "http://hooks.example.org:"+u.Port()); (err == nil) != reached {
			t.Errorf("after %d addresses that refuse: %v, want it reached: %v", refusing, err, reached)
		}
	}
}
