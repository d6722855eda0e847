// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/internal/fault"
)

// badDirs are folders that no durable queue can be in, and what the error says.
func badDirs(t *testing.T) map[string]string {
	file := filepath.Join(shmDir(t), "file")
	assert.NilError(t, os.WriteFile(file, nil, 0o600))
	open := shmDir(t)
	assert.NilError(t, os.Chmod(open, 0o777))
	return map[string]string{
		t.TempDir(): "AllowDisk", // fault 75
		file:        "no directory",
		open:        "0777",
	}
}

func TestFault75AQueueThatCannotBeDurableSaysWhy(t *testing.T) {
	for dir, want := range badDirs(t) {
		cfg := hydra.Config{MemoryLimit: -1, Fallback: &fault.Writer{}, Layers: map[string]hydra.Layer{"x": {
			Destinations: []hydra.Destination{{Name: "d", Sink: &fault.Sink{}, Format: lines{}, Durable: &hydra.Durable{Dir: dir}}},
		}}}
		_, err := hydra.Open(cfg)
		assert.ErrorContains(t, err, `Layers["x"].Destinations[0].Durable`)
		assert.ErrorContains(t, err, want)

		r := newRig(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) { d.Durable = &hydra.Durable{Dir: dir} })
		r.log(1, 3)
		d := r.state()
		assert.Equal(t, d.Status, hydra.StatusDegraded)
		assert.Assert(t, strings.Contains(d.Durable.Error, want), "got %s", d.Durable.Error)
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), numbers(1, 3))
		assert.Equal(t, len(r.seen(hydra.EventNotDurable)), 1)
	}
}

func TestADestinationOfTwoLayersNeedsOneIdeaOfDurable(t *testing.T) {
	s, dir := &fault.Sink{}, shmDir(t)
	layers := func(other *hydra.Durable) hydra.Config {
		return hydra.Config{Fallback: &fault.Writer{}, Layers: map[string]hydra.Layer{
			"a": {Destinations: []hydra.Destination{{Name: "d", Sink: s, Durable: &hydra.Durable{Dir: dir}}}},
			"b": {Destinations: []hydra.Destination{{Name: "d", Sink: s, Durable: other}}},
		}}
	}
	_, err := hydra.Open(layers(nil))
	assert.ErrorContains(t, err, "other settings")
	h, err := hydra.Open(layers(&hydra.Durable{Dir: dir}))
	assert.NilError(t, err)
	assert.NilError(t, h.Close(context.Background()))
}

func TestFault69AFileThatIsCutLeavesAQueueInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		released := make(chan struct{})
		r := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
			d.Policy = hydra.Block
			r.sink.OnWrite = fault.First(1, fault.Stall(released))
		})
		r.log(1, 10)
		settle()
		r.log(11, 50)
		assert.NilError(t, os.Truncate(filepath.Join(dir, files(t, dir)[0]), 0))
		r.log(51, 100)
		close(released)
		settle()
		d := r.state()
		assert.Equal(t, d.Status, hydra.StatusDegraded)
		assert.Assert(t, strings.Contains(d.Durable.Error, "cut"), "got %s", d.Durable.Error)
		r.close()
		assert.DeepEqual(t, r.sink.Lines(), numbers(1, 100))
		assert.Equal(t, len(r.seen(hydra.EventNotDurable)), 1)

		next := durableRig(t, dir, nil)
		next.log(101, 101)
		next.close()
		assert.DeepEqual(t, next.sink.Lines(), numbers(101, 101))
	})
}

func TestFault69AFileThatIsGoneKeepsNothingForTheNextStart(t *testing.T) {
	for _, tt := range []struct {
		name string
		away func(path string) error
		why  string
		left int // files, once all is over
	}{
		{"cut to a page", func(path string) error { return os.Truncate(path, 4096) }, "cut", 0},
		{"deleted", os.Remove, "deleted", 0},
		{"deleted with its folder", func(path string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(path)), os.Mkdir(filepath.Dir(path), 0o700))
		}, "deleted", 0},
		{"renamed", func(path string) error { return os.Rename(path, path+".old") }, "renamed", 1},
		{"renamed with its folder", func(path string) error {
			dir := filepath.Dir(path)
			t.Cleanup(func() { assert.NilError(t, os.RemoveAll(dir+".old")) })
			return errors.Join(os.RemoveAll(dir+".old"), os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700))
		}, "renamed", 0},
		{"replaced", func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte("another"), 0o600))
		}, "replaced", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := shmDir(t)
				failing := func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) }
				hanging := func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Stall(make(chan struct{}))) }
				for _, sink := range []func(*rig, *hydra.Destination){failing, hanging} {
					for asked := range 2 {
						r := durableRig(t, dir, sink)
						r.log(1, 5)
						settle()
						r.log(6, 10)
						path := filepath.Join(dir, files(t, dir)[0])
						assert.NilError(t, tt.away(path))
						if asked == 1 {
							assert.ErrorIs(t, r.FlushTo(ended(), hydra.SurvivesProcess), context.Canceled)
							d := r.state()
							assert.Equal(t, d.Status, hydra.StatusDegraded)
							assert.Assert(t, strings.Contains(d.Durable.Error, tt.why), "got %s", d.Durable.Error)
						}
						got := delivery(t, r.Close(ended()))
						assert.Equal(t, got.Spooled, uint64(0), "nothing would find them")
						assert.DeepEqual(t, r.strays(), numbers(1, 10))
						assert.Equal(t, len(r.seen(hydra.EventNotDurable)), 1)
						left := files(t, dir)
						assert.Equal(t, len(left), tt.left, "got %v", left)
						for _, name := range left {
							assert.NilError(t, os.Remove(filepath.Join(dir, name)))
						}
					}
				}
			})
		})
	}
}

func TestFault70NoRoomForTheFileLeavesAQueueInMemory(t *testing.T) {
	dir := shmDir(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k,mode=0700"); err != nil {
		t.Skipf("mount: %v", err)
	}
	defer func() { assert.NilError(t, syscall.Unmount(dir, 0)) }()
	r := newRig(t, func(_ *rig, d *hydra.Destination, _ *hydra.Config) { d.Durable = &hydra.Durable{Dir: dir} })
	r.log(1, 3)
	assert.Assert(t, strings.Contains(r.state().Durable.Error, "no space left"), "got %s", r.state().Durable.Error)
	r.close()
	assert.DeepEqual(t, r.sink.Lines(), numbers(1, 3))
	assert.DeepEqual(t, files(t, dir), []string{})
}

// cutFileDir returns a folder of queues with one file, which a process left and somebody
// has cut.
func cutFileDir(t *testing.T) string {
	t.Helper()
	dir := shmDir(t)
	r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
	r.log(1, 5)
	assert.Equal(t, delivery(t, r.Close(ended())).Spooled, uint64(5))
	assert.NilError(t, os.Truncate(filepath.Join(dir, files(t, dir)[0]), 4096))
	return dir
}

func TestAnOpenThatFailsTellsOfTheFilesThatItQuarantined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := cutFileDir(t)
		fallback, events := &fault.Writer{}, []hydra.Event(nil)
		_, err := hydra.Open(hydra.Config{
			MemoryLimit: -1, Fallback: fallback, OnEvent: func(e hydra.Event) { events = append(events, e) },
			Layers: map[string]hydra.Layer{"x": {Destinations: []hydra.Destination{{
				Name: "d", Sink: &fault.Sink{OnOpen: fault.Always(fault.Fail(syscall.EACCES))}, Durable: &hydra.Durable{Dir: dir},
			}}}},
		})
		assert.ErrorIs(t, err, syscall.EACCES)
		bad := filepath.Join(dir, files(t, dir)[0])
		assert.Equal(t, filepath.Ext(bad), ".bad")
		assert.Equal(t, len(events), 1)
		assert.Equal(t, events[0].Kind, hydra.EventQuarantined)
		assert.ErrorContains(t, events[0].Err, bad)
		news := string(fallback.Bytes())
		assert.Assert(t, strings.Contains(news, string(hydra.EventQuarantined)) && strings.Contains(news, bad), "got %s", news)
	})
}

func TestAnOpenThatFailsDoesNotWaitLongForWhoTakesItsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := cutFileDir(t)
		released, called := make(chan struct{}), make(chan struct{})
		start := time.Now()
		_, err := hydra.Open(hydra.Config{
			MemoryLimit: -1,
			Fallback:    &fault.Writer{OnWrite: fault.Always(fault.Hang(released))},
			OnEvent: func(hydra.Event) {
				close(called)
				<-released
			},
			Layers: map[string]hydra.Layer{"x": {Destinations: []hydra.Destination{{
				Name: "d", Sink: &fault.Sink{OnOpen: fault.Always(fault.Fail(syscall.EACCES))}, Durable: &hydra.Durable{Dir: dir},
			}}}},
		})
		assert.ErrorIs(t, err, syscall.EACCES)
		took := time.Since(start)
		close(released)
		assert.Assert(t, took <= 3*time.Second+100*time.Millisecond, "Open took %v", took)
		<-called // though the fallback hangs, which OnEvent need not
	})
}

func TestFault72DamagedFilesHarmNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		first := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
		for i := range 20 {
			assert.NilError(t, first.say("record "+strconv.Itoa(1000+i)))
		}
		_ = first.Close(ended())
		name := files(t, dir)[0]
		whole, err := os.ReadFile(filepath.Join(dir, name))
		assert.NilError(t, err)
		for at := 0; at < len(whole); at += 997 { // each part of the file gets its turn
			for i := range min(997, len(whole)-at) {
				whole[at+i] ^= 0x10
			}
			sick := shmDir(t)
			assert.NilError(t, os.WriteFile(filepath.Join(sick, name), whole, 0o600))
			r := durableRig(t, sick, nil)
			r.log(1, 1)
			r.close()
			records, _ := without(r.sink.Lines())
			for _, line := range records[:len(records)-1] {
				n, err := strconv.Atoi(strings.TrimPrefix(line, "record "))
				assert.Assert(t, err == nil && n >= 1000 && n < 1020, "got %q", line)
			}
			assert.Equal(t, records[len(records)-1], "1")
			d := r.state().Durable
			assert.Assert(t, d.Quarantined == 1 || d.Recovered+d.Damaged >= 20, "got %+v", d)
			assert.Equal(t, uint64(len(files(t, sick))), d.Quarantined)
			for i := range min(997, len(whole)-at) {
				whole[at+i] ^= 0x10
			}
		}
	})
}

func TestFault72WhatIsDamagedIsNotWaitedForAndHidesNothingThatIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		for life := range 2 {
			r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) { r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO)) })
			for i := range 5 {
				assert.NilError(t, r.say("record "+strconv.Itoa(10*life+i)))
			}
			_ = r.Close(ended())
			time.Sleep(time.Second)
		}
		var first string
		for _, name := range files(t, dir) {
			path := filepath.Join(dir, name)
			p, err := os.ReadFile(path)
			assert.NilError(t, err)
			if bytes.Contains(p, []byte("record 13")) {
				continue
			}
			first = path
			for i := range 5 { // its records in the queue and in the batch in flight
				p = bytes.ReplaceAll(p, []byte("record "+strconv.Itoa(i)), []byte("damage "+strconv.Itoa(i)))
			}
			assert.NilError(t, os.WriteFile(path, p, 0o600))
		}
		assert.Assert(t, first != "")

		released := make(chan struct{})
		r := durableRig(t, dir, func(r *rig, _ *hydra.Destination) {
			r.sink.OnWrite = fault.At(2, fault.Stall(released)) // the first tells of the first file
		})
		settle()
		_, err := os.Stat(first)
		assert.ErrorIs(t, err, os.ErrNotExist)
		d := r.state().Durable
		assert.Equal(t, d.Damaged, uint64(5))
		assert.Equal(t, d.Waiting, uint64(5))
		close(released)
		r.close()
		assert.Equal(t, r.state().Durable.Waiting, uint64(0))
		records, _ := without(r.sink.Lines())
		assert.DeepEqual(t, records, []string{"record 10", "record 11", "record 12", "record 13", "record 14"})
	})
}

func TestFault73ARecordThatLooksLikeAQueueFileIsARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := shmDir(t)
		var logged []string
		first := durableRig(t, dir, func(r *rig, d *hydra.Destination) {
			d.Queue = hydra.Queue{Records: 256, Bytes: 256 << 10}
			r.sink.OnWrite = fault.Always(fault.Fail(syscall.EIO))
		})
		for range 20 { // each holds what the file holds by then: heads, slots, batches
			p, err := os.ReadFile(filepath.Join(dir, files(t, dir)[0]))
			assert.NilError(t, err)
			p = bytes.ReplaceAll(p[:8<<10], []byte("\n"), []byte{'.'})
			logged = append(logged, string(p))
			assert.NilError(t, first.say(string(p)))
			settle()
		}
		_ = first.Close(ended())
		r := durableRig(t, dir, nil)
		r.close()
		records, _ := without(r.sink.Lines())
		assert.Assert(t, slices.Equal(records, logged))
	})
}
