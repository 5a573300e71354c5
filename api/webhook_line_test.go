package api_test

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
)

// weakPort is where a receiver listens whose line is cut after so many bytes of a request, or of an answer.
type weakPort struct {
	net.Listener
	line *weakWire
}

// weakWire decides what becomes of connections, and counts what it has cut by where.
type weakWire struct {
	weak atomic.Bool
	mu   sync.Mutex
	cuts map[string]int
}

func (l *weakWire) cut(where string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cuts == nil {
		l.cuts = map[string]int{}
	}
	l.cuts[where]++
}

// count is how often it was cut.
func (l *weakWire) count() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, cuts := range l.cuts {
		n += cuts
	}
	return n
}

// Accept draws how far each connection lasts. A message has about 900 bytes, and its answer 150.
func (l weakPort) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || !l.line.weak.Load() {
		return c, err
	}
	w := &weakConn{Conn: c, line: l.line, read: budget{left: 1 << 20}, write: budget{left: 1 << 20}}
	switch rand.IntN(10) {
	case 0:
		w.read.left = 0
	case 1, 2:
		w.read.left = rand.IntN(900)
	case 3:
		w.write.left = 0
	case 4, 5:
		w.write.left = rand.IntN(150)
	}
	return w, nil
}

// weakConn is a connection that ends after some bytes.
type weakConn struct {
	net.Conn
	line        *weakWire
	read, write budget
	once        sync.Once
}

// budget is what may still pass in one direction.
type budget struct{ left, passed int }

func (c *weakConn) cut(what string, b budget) error {
	c.once.Do(func() {
		where := "in the middle of " + what
		if b.passed == 0 {
			where = "before " + what
		}
		c.line.cut(where)
		_ = c.Close()
	})
	return net.ErrClosed
}

func (c *weakConn) Read(p []byte) (int, error) {
	if c.read.left <= 0 {
		return 0, c.cut("the request", c.read)
	}
	n, err := c.Conn.Read(p[:min(len(p), c.read.left)])
	c.read.left, c.read.passed = c.read.left-n, c.read.passed+n
	return n, err
}

func (c *weakConn) Write(p []byte) (int, error) {
	n, err := 0, error(nil)
	if part := p[:min(len(p), c.write.left)]; len(part) > 0 {
		n, err = c.Conn.Write(part)
		c.write.left, c.write.passed = c.write.left-n, c.write.passed+n
	}
	if err == nil && n < len(p) {
		err = c.cut("the answer", c.write)
	}
	return n, err
}
