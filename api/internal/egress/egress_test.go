package egress_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/egress"
)

// addresses says of each whether it is public.
var addresses = map[string]bool{
	"8.8.8.8": true, "1.1.1.1": true, "93.184.216.34": true, "100.63.255.255": true, "100.128.0.1": true, "172.15.255.255": true,
	"172.32.0.1": true, "11.0.0.1": true, "192.167.255.255": true, "223.255.255.255": true, "198.17.255.255": true, "198.20.0.1": true,
	"2606:4700:4700::1111": true, "2a00:1450:4001:81b::200e": true, "2001:4860:4860::8888": true,

	"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "10.255.255.255": false, "100.64.0.1": false, "100.127.255.255": false,
	"127.0.0.1": false, "127.1.2.3": false, "169.254.169.254": false, "169.254.0.1": false, "172.16.0.1": false, "172.31.255.255": false,
	"192.0.0.8": false, "192.0.0.170": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false, "198.18.0.1": false,
	"198.19.255.255": false, "198.51.100.7": false, "203.0.113.9": false, "224.0.0.1": false, "239.255.255.250": false, "240.0.0.1": false,
	"255.255.255.255": false, "168.63.129.16": false, "192.31.196.1": false, "192.52.193.1": false, "192.175.48.1": false,
	"::": false, "::1": false, "::127.0.0.1": false, "::8.8.8.8": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false,
	"::ffff:8.8.8.8": false, "::ffff:0:127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::808:808": false, "64:ff9b:1::1": false, "100::1": false,
	"100:0:0:1::1": false, "2001::1": false, "2001:0:4136:e378:8000:63bf:3fff:fdd2": false, "2001:20::1": false, "2001:db8::1": false, "2002:7f00:1::": false,
	"2002:c0a8:101::1": false, "3fff::1": false, "5f00::1": false, "4000::1": false, "fc00::1": false, "fd12:3456::1": false, "fe80::1": false,
	"fe80::1%eth0": false, "fec0::1": false, "ff02::1": false, "2620:4f:8000::1": false, "2606:4700::1%eth0": false,
}

func TestAddress(t *testing.T) {
	if len(addresses) < 40 {
		t.Errorf("only %d addresses", len(addresses))
	}
	for text, public := range addresses {
		ip := netip.MustParseAddr(text)
		err := egress.Gate{}.Address(ip)
		if (err == nil) != public {
			t.Errorf("%s: %v, public %v", text, err, public)
		}
		host := text
		if ip.Is6() {
			host = "[" + strings.ReplaceAll(text, "%", "%25") + "]"
		}
		u, err := egress.Gate{}.Parse("https://" + host + "/hook")
		if err == nil {
			err = egress.Gate{}.Look(t.Context(), u)
		}
		if (err == nil) != public {
			t.Errorf("URL with %s: %v, public %v", text, err, public)
		}
	}
	test := egress.Gate{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for text, want := range map[string]bool{"127.0.0.1": true, "10.0.0.1": false, "::ffff:127.0.0.1": false, "8.8.8.8": true} {
		if err := test.Address(netip.MustParseAddr(text)); (err == nil) != want {
			t.Errorf("with a range for tests, %s: %v", text, err)
		}
	}
	if err := (egress.Gate{}).Address(netip.Addr{}); err == nil {
		t.Error("no address is let through")
	}
}

func TestParse(t *testing.T) {
	test := egress.Gate{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for text, want := range map[string]error{
		"https://hooks.example.org/titrate?a=b": nil, "https://hooks.example.org:443": nil, "https://hooks.example.org:1024/": nil,
		"https://hooks.example.org:65535/": nil, "https://[2606:4700:4700::1111]:8443/": nil,
		"http://hooks.example.org/": egress.ErrURL, "http://8.8.8.8/": egress.ErrURL, "ftp://hooks.example.org/": egress.ErrURL,
		"https://user:secret@hooks.example.org/": egress.ErrURL, "https://user@hooks.example.org/": egress.ErrURL,
		"https://hooks.example.org/#part": egress.ErrURL, "https:///hook": egress.ErrURL, "https:hooks.example.org": egress.ErrURL,
		"//hooks.example.org": egress.ErrURL, "hooks.example.org": egress.ErrURL, "": egress.ErrURL, "https://%zz/": egress.ErrURL,
		"https://hooks.example.org:80/": egress.ErrPort, "https://hooks.example.org:22/": egress.ErrPort, "https://hooks.example.org:1023/": egress.ErrPort,
		"https://hooks.example.org:70000/": egress.ErrPort, "https://hooks.example.org:0/": egress.ErrPort,
	} {
		for _, g := range []egress.Gate{{}, test} {
			if _, err := g.Parse(text); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", text, err, want)
			}
		}
	}
	if _, err := test.Parse("http://127.0.0.1:3000/hook"); err != nil {
		t.Errorf("an address for tests: %v", err)
	}
	if _, err := (egress.Gate{}).Parse("http://127.0.0.1:3000/hook"); err == nil {
		t.Error("http without a range for tests")
	}
}

// names answers a resolver's questions in turn, the last answer again and again.
func names(answers ...string) func(context.Context, string) ([]netip.Addr, error) {
	var asked atomic.Int32
	return func(context.Context, string) (list []netip.Addr, err error) {
		i := min(int(asked.Add(1)), len(answers)) - 1
		for _, text := range strings.Fields(answers[i]) {
			list = append(list, netip.MustParseAddr(text))
		}
		return list, nil
	}
}

func TestLook(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "hooks.example.org"}
	for answer, want := range map[string]error{
		"8.8.8.8": nil, "8.8.8.8 2606:4700:4700::1111": nil, "8.8.8.8 10.0.0.1": egress.ErrPrivate, "10.0.0.1 8.8.8.8": egress.ErrPrivate,
		"::1": egress.ErrPrivate, "": egress.ErrUnresolved,
	} {
		if err := (egress.Gate{Resolve: names(answer)}).Look(t.Context(), u); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", answer, err, want)
		}
	}
}

// server counts requests.
func server(t *testing.T, answer http.HandlerFunc) (u *url.URL, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u, calls
}

func get(t *testing.T, c *http.Client, to string) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// TestRebinding: a name that was public when it was looked at and leads inside when it is dialled leads nowhere.
func TestRebinding(t *testing.T) {
	u, calls := server(t, func(http.ResponseWriter, *http.Request) {})
	g := egress.Gate{Resolve: names("93.184.216.34", "127.0.0.1")}
	name := &url.URL{Scheme: "http", Host: "hooks.example.org:" + u.Port()}
	if err := g.Look(t.Context(), name); err != nil {
		t.Fatalf("when it is looked at: %v", err)
	}
	if err := get(t, g.Client(time.Second), name.String()); !errors.Is(err, egress.ErrPrivate) {
		t.Errorf("when it is dialled: %v", err)
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"} {
		if err := get(t, egress.Gate{}.Client(time.Second), "http://"+host+":"+u.Port()); err == nil {
			t.Errorf("%s was called", host)
		}
	}
	if calls.Load() != 0 {
		t.Errorf("%d requests came inside", calls.Load())
	}
	open := egress.Gate{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Resolve: names("127.0.0.1")}
	if err := get(t, open.Client(time.Second), name.String()); err != nil || calls.Load() != 1 {
		t.Errorf("with the range for tests: %v, %d requests", err, calls.Load())
	}
}

// TestClient: no redirect is followed, no proxy asked, and nothing takes longer than allowed.
func TestClient(t *testing.T) {
	secret, reached := server(t, func(http.ResponseWriter, *http.Request) {})
	t.Setenv("HTTP_PROXY", secret.String())
	t.Setenv("HTTPS_PROXY", secret.String())
	g := egress.Gate{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Resolve: names("127.0.0.1")}
	for _, status := range []int{301, 302, 303, 307, 308} {
		away, _ := server(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, secret.String(), status) })
		if err := get(t, g.Client(time.Second), away.String()); !errors.Is(err, egress.ErrRedirect) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if err := get(t, g.Client(time.Second), "http://hooks.example.org:1/"); err == nil {
		t.Error("a closed port answers")
	}
	if reached.Load() != 0 {
		t.Errorf("%d requests by redirect or proxy", reached.Load())
	}
	hanging, _ := server(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if err := get(t, g.Client(50*time.Millisecond), hanging.String()); err == nil {
		t.Error("a hanging server is waited for")
	}
	endless, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := fmt.Fprintln(w, strings.Repeat("more ", 1000)); err != nil {
				return
			}
		}
	})
	if err := get(t, g.Client(50*time.Millisecond), endless.String()); err == nil {
		t.Error("an endless answer is read to its end")
	}
}
