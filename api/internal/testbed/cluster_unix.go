//go:build unix

package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// keep makes and starts the server and waits for the end of its standard input, the pipe that
// only the test process holds: it ends with the process, also when that is killed. TERM is for a
// server that has just been started: what sh runs in the background ignores QUIT until it says
// otherwise.
const keep = `"$1/initdb" -D "$2/data" -U postgres --auth=trust -E UTF8 --locale=C --no-sync --no-instructions >"$2/log" 2>&1
"$1/postgres" -D "$2/data" -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
	-c max_connections=300 -c shared_buffers=64MB -c checkpoint_timeout=1h $4 </dev/null >>"$2/log" 2>&1 &
cat >/dev/null
kill -TERM $! 2>/dev/null
kill -QUIT $! 2>/dev/null
wait $!
rm -rf "$2"`

// errOther means that somebody else took the port before our server did.
var errOther = errors.New("another server has the port")

// startCluster starts a PostgreSQL server in a temporary directory. It returns nil if the
// programs are not installed.
func startCluster() (u *url.URL, release func(), err error) {
	bin := programs()
	if bin == "" {
		return nil, nil, nil
	}
	for range 5 {
		if u, release, err = tryCluster(bin); !errors.Is(err, errOther) {
			break
		}
	}
	return u, release, err
}

func tryCluster(bin string) (*url.URL, func(), error) {
	run, owner, err := unprivileged()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "titrate-pg-")
	if err != nil {
		return nil, nil, err
	}
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, nil, err
		}
	}
	return keepServer(run, bin, dir)
}

func keepServer(run wrap, bin, dir string) (*url.URL, func(), error) {
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	in, alive, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	fsync := "-c fsync=off -c full_page_writes=off"
	if os.Getenv("TITRATE_TEST_FSYNC") == "1" {
		fsync = "-c fsync=on"
	}
	// $4 is split into words on purpose.
	keeper := run(exec.Command("/bin/sh", "-c", keep, "sh", bin, dir, strconv.Itoa(port), fsync), dir)
	keeper.Stdin = in
	keeper.SysProcAttr.Setsid = true // an interrupt at the terminal must not reach it before its work
	if err := keeper.Start(); err != nil {
		return nil, nil, errors.Join(err, alive.Close(), os.RemoveAll(dir))
	}
	release := func() { _ = alive.Close(); _ = keeper.Wait() }
	u := &url.URL{Scheme: "postgres", User: url.User("postgres"), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path: "/postgres", RawQuery: "sslmode=disable"}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := isOurs(ctx, u.String(), dir); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		release()
		return nil, nil, fmt.Errorf("start PostgreSQL: %w\n%s", err, log)
	}
	return u, release, nil
}

// isOurs waits for the server and makes sure that it is the one that was started here and not
// that of another test process which got the same port.
func isOurs(ctx context.Context, dsn, dir string) error {
	c, err := connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	var data string
	if err := c.QueryRow(ctx, "SHOW data_directory").Scan(&data); err != nil {
		return err
	}
	if data != filepath.Join(dir, "data") {
		return errOther
	}
	return nil
}

// programs is the directory of the newest server's programs.
func programs() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) > 0 {
		return filepath.Dir(found[0])
	}
	path, err := exec.LookPath("initdb")
	if err == nil {
		path, err = filepath.EvalSymlinks(path) // the other programs are beside the real one
	}
	if err != nil {
		return ""
	}
	return filepath.Dir(path)
}

func version(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

// wrap prepares a command to run in dir as somebody who may run a server.
type wrap func(cmd *exec.Cmd, dir string) *exec.Cmd

// unprivileged is for root, for whom PostgreSQL refuses to run.
func unprivileged() (wrap, *syscall.Credential, error) {
	var as *syscall.Credential
	if os.Geteuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			u, err = user.Lookup("nobody")
		}
		if err != nil {
			return nil, nil, err
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, nil, err
		}
		as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return func(cmd *exec.Cmd, dir string) *exec.Cmd {
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		return cmd
	}, as, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
