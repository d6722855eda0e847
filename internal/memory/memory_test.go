// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package memory

import (
	"errors"
	"io/fs"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

const gib = 1 << 30

// fixed returns a host that uses used of limit.
func fixed(used, limit uint64) func() (uint64, uint64, error) {
	return func() (uint64, uint64, error) { return used, limit, nil }
}

// tree is a file system with the given files and a plausible statm.
func tree(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{"proc/self/statm": {Data: []byte("30000 2000 900 1 0 5000 0\n")}}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(data)}
	}
	return fsys
}

// inCgroup is a tree whose process sits in a cgroup with the given limit and usage.
func inCgroup(limit, usage string) fstest.MapFS {
	return tree(map[string]string{
		"proc/self/cgroup":             "0::/app\n",
		"proc/self/mountinfo":          "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
		"sys/fs/cgroup/app/memory.max": limit, "sys/fs/cgroup/app/memory.current": usage,
		"sys/fs/cgroup/app/memory.stat": "anon 5\ninactive_file 0\n",
	})
}

// limitGo sets GOMEMLIMIT for the test.
func limitGo(t *testing.T, bytes int64) {
	t.Helper()
	old := debug.SetMemoryLimit(bytes)
	t.Cleanup(func() { debug.SetMemoryLimit(old) })
}

func TestTheTightestLimitDecides(t *testing.T) {
	tests := []struct {
		name        string
		host        func() (uint64, uint64, error)
		files       fs.FS
		goLimit     int64
		wantSource  string
		wantPercent float64 // -1 is any
	}{
		{"host alone", fixed(3*gib, 4*gib), nil, math.MaxInt64, Host, 75},
		{"cgroup is tighter", fixed(3*gib, 4*gib), inCgroup("1000", "800"), math.MaxInt64, Cgroup, 80},
		{"cgroup is looser", fixed(3*gib, 4*gib), inCgroup("1000", "700"), math.MaxInt64, Host, 75},
		{"cgroup without limit", fixed(0, 4*gib), inCgroup("max", "700"), math.MaxInt64, Host, 0},
		{"GOMEMLIMIT is tighter", fixed(3*gib, 4*gib), inCgroup("1000", "800"), 1 << 10, GoMemLimit, -1},
		{"GOMEMLIMIT is looser", fixed(3*gib, 4*gib), nil, 1 << 50, Host, 75},
		{"more than the limit", fixed(0, 1), inCgroup("1000", "1500"), math.MaxInt64, Cgroup, 150},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			limitGo(t, tt.goLimit)
			g := &Guard{host: tt.host, files: tt.files}
			now := time.Now()
			r, err := g.Read(now)
			if err != nil {
				t.Fatal(err)
			}
			if r.Source != tt.wantSource || tt.wantPercent >= 0 && r.Percent != tt.wantPercent {
				t.Errorf("got %s at %v %%, want %s at %v %%", r.Source, r.Percent, tt.wantSource, tt.wantPercent)
			}
			if got := float64(r.Used) / float64(r.Limit) * 100; got != r.Percent {
				t.Errorf("got %d of %d at %v %%, want %v %%", r.Used, r.Limit, r.Percent, got)
			}
			if r.RSS == 0 || !r.Time.Equal(now) {
				t.Errorf("got RSS %d, time %v; want a figure and %v", r.RSS, r.Time, now)
			}
		})
	}
}

func TestWhatCannotBeReadLeavesTheRest(t *testing.T) {
	broken := errors.New("broken")
	failing := func() (uint64, uint64, error) { return 0, 0, broken }
	statm := func(data string) fs.FS {
		f := inCgroup("1000", "900")
		f["proc/self/statm"] = &fstest.MapFile{Data: []byte(data)}
		return f
	}
	noStatm := inCgroup("1000", "900")
	delete(noStatm, "proc/self/statm")
	tests := []struct {
		name       string
		host       func() (uint64, uint64, error)
		files      fs.FS
		wantErr    string
		wantSource string
	}{
		{"host", failing, inCgroup("1000", "900"), "memory: host: broken", Cgroup},
		{"cgroup limit", fixed(1, 2), inCgroup("lots", "900"), "memory: cgroup: sys/fs/cgroup/app/memory.max: ", Host},
		{"cgroup usage", fixed(1, 2), inCgroup("1000", "-1"), "memory: cgroup: sys/fs/cgroup/app/memory.current: ", Host},
		{"no statm", fixed(1, 2), noStatm, "memory: GOMEMLIMIT: open proc/self/statm", Cgroup},
		{"short statm", fixed(1, 2), statm("12"), "memory: GOMEMLIMIT: proc/self/statm: ", Cgroup},
		{"malformed statm", fixed(1, 2), statm("12 x"), "memory: GOMEMLIMIT: proc/self/statm: ", Cgroup},
		{"everything", failing, nil, "memory: host: broken", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &Guard{host: tt.host, files: tt.files}
			r, err := g.Read(time.Now())
			if err == nil || !strings.HasPrefix(err.Error(), tt.wantErr) {
				t.Errorf("got error %v, want %q", err, tt.wantErr)
			}
			if r.Source != tt.wantSource {
				t.Errorf("got source %q, want %q", r.Source, tt.wantSource)
			}
			if _, again := g.Read(r.Time); !errors.Is(again, err) {
				t.Errorf("second call: got error %v, want the same", again)
			}
		})
	}
}

func TestReadLooksOncePerInterval(t *testing.T) {
	tests := []struct {
		name     string
		interval time.Duration
		want     time.Duration
	}{
		{"default", 0, 5 * time.Second},
		{"negative", -1, 5 * time.Second},
		{"set", time.Minute, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				looks := uint64(0)
				g := &Guard{Interval: tt.interval, host: func() (uint64, uint64, error) {
					looks++
					return looks, 100, nil
				}}
				read := func() uint64 {
					t.Helper()
					r, err := g.Read(time.Now())
					if err != nil {
						t.Fatal(err)
					}
					return r.Used
				}
				for i := range uint64(3) {
					for range 10 {
						if got := read(); got != i+1 {
							t.Fatalf("interval %d: got look %d, want %d", i, got, i+1)
						}
					}
					early := time.Now().Add(-time.Hour)
					if r, _ := g.Read(early); r.Used != i+1 {
						t.Fatalf("an earlier time: got look %d, want %d", r.Used, i+1)
					}
					time.Sleep(tt.want - 1)
					if got := read(); got != i+1 {
						t.Fatalf("just before the end of interval %d: got look %d, want %d", i, got, i+1)
					}
					time.Sleep(time.Nanosecond)
				}
			})
		})
	}
}

func TestASecondCallerGetsThePreviousReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := uint64(0)
		release := make(chan struct{})
		g := &Guard{host: func() (uint64, uint64, error) {
			looks++
			<-release
			return looks, 100, nil
		}}
		for want := range uint64(3) {
			first := make(chan Reading)
			go func() {
				r, _ := g.Read(time.Now())
				first <- r
			}()
			synctest.Wait() // the first caller is reading
			if r, err := g.Read(time.Now()); r.Used != want || err != nil {
				t.Errorf("meanwhile: got look %d and %v, want %d", r.Used, err, want)
			}
			release <- struct{}{}
			if r := <-first; r.Used != want+1 {
				t.Errorf("first caller: got look %d, want %d", r.Used, want+1)
			}
			time.Sleep(5 * time.Second)
		}
	})
}

func TestConcurrentReadsTakeOneLook(t *testing.T) {
	var looks int // the race detector proves that it needs no guard
	g := &Guard{host: func() (uint64, uint64, error) {
		looks++
		return 1, 2, nil
	}}
	now := time.Now()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if r, err := g.Read(now); err != nil || r != (Reading{}) && r.Used != 1 {
					t.Errorf("got %+v and %v", r, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if looks != 1 {
		t.Errorf("got %d looks, want 1", looks)
	}
}

func TestGarbageIsNotUseOfTheGoLimit(t *testing.T) {
	limitGo(t, 1<<40)
	old := debug.SetGCPercent(-1)
	defer debug.SetGCPercent(old)
	p := newProcess(nil)
	used := func() int64 {
		t.Helper()
		u, _, err := p.read()
		if err != nil {
			t.Fatal(err)
		}
		return int64(u)
	}
	runtime.GC()
	before := used()
	const size = 64 << 20
	held = make([]byte, size)
	runtime.GC()
	if got := used() - before; got < size*9/10 {
		t.Errorf("%d bytes in use: use grew by %d", size, got)
	}
	held = nil
	runtime.GC()
	for range 64 {
		held = make([]byte, size/64)
	}
	held = nil
	if got := used() - before; got > size/10 {
		t.Errorf("%d bytes of garbage: use grew by %d", size, got)
	}
}

// held keeps memory in use, where no compiler can tell that nobody looks.
var held []byte

func TestThisMachineCanBeRead(t *testing.T) {
	var g Guard
	r, err := g.Read(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if r.Source == "" || r.Limit == 0 || r.Percent <= 0 || r.RSS == 0 {
		t.Errorf("got %+v, want figures everywhere", r)
	}
}

func BenchmarkReadWithinInterval(b *testing.B) {
	var g Guard
	now := time.Now()
	for b.Loop() {
		g.Read(now)
	}
}

func BenchmarkReadSystem(b *testing.B) {
	var g Guard
	now := time.Now()
	for b.Loop() {
		now = now.Add(5 * time.Second)
		g.Read(now)
	}
}
