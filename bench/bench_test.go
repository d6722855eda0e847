// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain runs the rounds that -count asks for one after the other, each over
// all benchmarks, where the testing package would repeat one benchmark count
// times before it turns to the next. Without a -benchtime each result takes
// 200 ms, enough to fill every queue several times, so that six rounds take
// minutes.
func TestMain(m *testing.M) {
	flag.Parse()
	rounds := 1
	if flag.Lookup("test.bench").Value.String() != "" {
		fmt.Print(Environment())
		log.SetOutput(io.Discard) // a peer tells it what it drops, in the middle of a result
		rounds, _ = strconv.Atoi(flag.Lookup("test.count").Value.String())
		_ = flag.Set("test.count", "1")
		given := false
		flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.benchtime" })
		if !given {
			_ = flag.Set("test.benchtime", "200ms")
		}
	}
	code := 0
	for range rounds {
		code = max(code, m.Run())
	}
	os.Exit(code)
}

func BenchmarkMessage(b *testing.B)  { toFile(b, serial(Work.Message)) }
func BenchmarkThree(b *testing.B)    { toFile(b, serial(Work.Three)) }
func BenchmarkTen(b *testing.B)      { toFile(b, serial(Work.Ten)) }
func BenchmarkBound(b *testing.B)    { toFile(b, serial(Work.Bound)) }
func BenchmarkThreeOn2(b *testing.B) { toFile(b, parallel(2, Work.Three)) }
func BenchmarkThreeOn8(b *testing.B) { toFile(b, parallel(8, Work.Three)) }
func BenchmarkBurst(b *testing.B)    { toFile(b, burst) }

// BenchmarkSource logs to nowhere: it is about finding the source line.
func BenchmarkSource(b *testing.B) {
	for _, s := range Stacks() {
		if s.NoSource {
			continue
		}
		b.Run(s.Name, func(b *testing.B) {
			w := &counter{}
			measure(b, s, w, Options{AddSource: true}, serial(Work.Three), w.records)
		})
	}
}

// BenchmarkDisabled makes calls below the level, which write nothing.
func BenchmarkDisabled(b *testing.B) {
	for _, s := range Stacks() {
		b.Run(s.Name, func(b *testing.B) {
			measure(b, s, io.Discard, Options{}, serial(Work.Disabled), nil)
		})
	}
}

// toFile measures run on every stack, each with a file of its own.
func toFile(b *testing.B, run func(*testing.B, Work) int) {
	for _, s := range Stacks() {
		b.Run(s.Name, func(b *testing.B) {
			t, err := NewTarget()
			if err != nil {
				b.Fatal(err)
			}
			defer t.Remove()
			measure(b, s, t.File, Options{}, run, t.Count)
		})
	}
}

// measure opens s, warms it up, times run, which returns how many records it
// logged, and reports what of them is missing after Close. CPU includes Close:
// what a stack puts off is not free.
func measure(b *testing.B, s Stack, w io.Writer, o Options, run func(*testing.B, Work) int, count func() (int, error)) {
	l, err := s.Open(w, o)
	if err != nil {
		b.Fatal(err)
	}
	const warm = 1000
	for range warm {
		l.Three()
	}
	runtime.GC()
	b.ReportAllocs()
	cpu := CPU()
	b.ResetTimer()
	records := run(b, l.Work)
	b.StopTimer()
	if err := l.Close(); err != nil {
		b.Error(err)
	}
	b.ReportMetric(float64(CPU()-cpu)/float64(records), "cpu-ns/op")
	if s.Kind == Floor || count == nil {
		return
	}
	n, err := count()
	if err != nil {
		b.Fatal(err)
	}
	lost := warm + records - n
	if lost < 0 {
		b.Fatalf("%d records too many", -lost)
	}
	b.ReportMetric(float64(lost)/float64(records), "lost/op")
	if l.Dropped != nil {
		b.ReportMetric(float64(l.Dropped())/float64(records), "counted/op")
	}
}

// serial makes one call after the other.
func serial(call func(Work)) func(*testing.B, Work) int {
	return func(b *testing.B, w Work) int {
		for range b.N {
			call(w)
		}
		return b.N
	}
}

// parallel makes calls from procs goroutines at once, with GOMAXPROCS set to procs
// also where the machine has fewer processors.
func parallel(procs int, call func(Work)) func(*testing.B, Work) int {
	return func(b *testing.B, w Work) int {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				call(w)
			}
		})
		return b.N
	}
}

// burst makes 1,024 calls after the logger had nothing to do for 20 ms, long
// enough for writers to go to sleep, and reports what one call costs.
func burst(b *testing.B, w Work) int {
	const calls = 1024
	var busy time.Duration
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range b.N {
		time.Sleep(20 * time.Millisecond)
		start := time.Now()
		for range calls {
			w.Three()
		}
		busy += time.Since(start)
	}
	runtime.ReadMemStats(&after)
	n := float64(b.N * calls)
	b.ReportMetric(float64(busy)/n, "ns/op")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/op")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/op")
	return b.N * calls
}

// counter counts lines and keeps nothing. A stack may call it from many
// goroutines, as it may a file. A line that a stack adds to say what it lost
// hides one lost record; telling them apart would cost more than the call.
type counter struct{ lines atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.lines.Add(int64(bytes.Count(p, []byte{'\n'})))
	return len(p), nil
}

func (c *counter) records() (int, error) { return int(c.lines.Load()), nil }
