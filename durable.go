// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"errors"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/hydra-logger/hydra/internal/ring"
	"github.com/hydra-logger/hydra/internal/trail"
)

// Durable describes a queue that outlives the process: a record whose Handle returned
// nil is also in a file in memory, whatever ends the process, be it SIGKILL, the system
// short of memory, a panic or os.Exit. The next handler with a destination of that name
// brings it to the sink, before any record of its own, and then a record with
// RecoveredMessage: exactly once if the sink is a sink.Exact, such as sink/file, or else
// at least once. Nothing is lost in the instant of death, but what the fallback took
// just then, a batch at most, may come to the sink, too.
//
// The file does not outlive the machine, nor the container whose /dev/shm it is in,
// unless its folder is mounted there as memory. It holds the records as encoded, with
// mode 0600. It costs 50 to 100 ns a record, about a tenth of a log call of three
// attributes, and as much memory again as Queue.Bytes and more, which counts to the
// cgroup of whoever logs.
//
// A sink that may hold back what it took, such as a Writer before a buffer, is flushed
// behind each batch: all but those that are a sink.Syncer or a sink.Exact.
//
// What is queued when Close's time ends stays in the file and does not go to the
// fallback. A record longer than an eighth of Queue.Bytes does not enter the queue: it
// goes to the fallback.
//
// It works on Linux. Elsewhere, and where the file cannot be, Open returns an error
// and NewHandler makes do with memory, which Health and EventNotDurable tell.
type Durable struct {
	// Dir is the absolute path of the folder of the file: on a file system in memory,
	// the user's own, and nobody else may write to it; it is made if missing. Empty
	// means hydra in $XDG_RUNTIME_DIR, or else /dev/shm/hydra-<uid>. systemd empties
	// both when the last session of a user ends, unless that is a system user or one
	// who lingers, and the latter when a unit with RemoveIPC= or DynamicUser= stops:
	// give a service a folder of its own, such as one that RuntimeDirectory= makes and
	// RuntimeDirectoryPreserve=yes keeps.
	//
	// Files bear the name of the destination, which has to be set, and that of the
	// program: the last element of the path of its executable, so that another version
	// in another folder goes on where this one ended. What a name left waits until a
	// destination has that name again, which EventUnclaimed tells; that of a program by
	// another name nobody tells. What one instance of a program left, another recovers
	// that starts while it is gone. So instances with sinks of their own need a Dir
	// each, and so do different programs of one user whose executables have the same
	// name, such as server: or else their records come into each other's logs.
	Dir string

	// AllowDisk takes a Dir on any file system. There a log call can wait for the
	// disk, and one that hangs can stop the whole program: not even the garbage
	// collector runs while a goroutine waits for a page. It gains little, for a file
	// that survives the machine needs more. It is for tests.
	AllowDisk bool

	// MaxOrphans is how many bytes of orphans are recovered, which are the files that
	// ended processes left; the oldest come first. Where there are more, the oldest are
	// quarantined: they get names that end in .bad, for a person to look at. Zero
	// means 1 GiB.
	MaxOrphans int64
}

const (
	defaultMaxOrphans = 1 << 30

	// A durable queue leaves room in the batch in flight for a gap marker, and for
	// what is added to each record on its way to the sink.
	markerMost   = 4 << 10
	stampMost    = trail.Max
	durableRun   = 1024 // records in a batch
	durableShare = 8    // of Queue.Bytes is the longest record
)

// durable returns d with its defaults.
func (c *checker) durable(path string, d Durable) *Durable {
	if strings.ContainsFunc(d.Dir, unicode.IsControl) {
		c.note(path+".Dir", "%q has control characters in it; remove them", d.Dir)
		d.Dir = ""
	}
	if d.Dir != "" && !filepath.IsAbs(d.Dir) {
		c.note(path+".Dir", "%q is relative: a start in another working directory would not find what this one leaves; give an absolute path", d.Dir)
		if abs, err := filepath.Abs(d.Dir); err == nil { // at least this program finds it again
			d.Dir = abs
		}
	}
	if d.Dir != "" {
		d.Dir = filepath.Clean(d.Dir) // one folder has one name
	}
	if d.MaxOrphans < 0 {
		c.note(path+".MaxOrphans", "%d is negative; leave it zero for %d", d.MaxOrphans, defaultMaxOrphans)
		d.MaxOrphans = 0
	}
	if d.MaxOrphans == 0 {
		d.MaxOrphans = defaultMaxOrphans
	}
	return &d
}

// sameDurable reports whether two destinations want the same.
func sameDurable(a, b *Durable) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// ringOptions returns where the files of the destination are.
func (d *destination) ringOptions() ring.Options {
	c := d.config.Durable
	return ring.Options{Dir: c.Dir, Name: d.config.Name, AllowDisk: c.AllowDisk, MaxOrphans: c.MaxOrphans}
}

// openRing makes the queue of the destination durable. Nobody uses it yet.
func (d *destination) openRing() error {
	if d.config.Durable == nil {
		return nil
	}
	q := d.queue
	longest := min(q.longest, q.bytes/durableShare)
	batch := max(q.takeLeast, longest) + markerMost + durableRun*stampMost
	g := ring.Geometry{
		Data: len(q.data), Slots: len(q.entries),
		// A torn record waits for its sink with the batch that it was in.
		Batch: int(2 * batch), BatchRecords: 2 * (durableRun + 1),
	}
	r, err := ring.Create(d.ringOptions(), g)
	if err != nil {
		d.notDurable = &durableError{d.path, err}
		return d.notDurable
	}
	if state := d.trailState(nil); len(state) > 0 { // also what no batch came before is stamped by who recovers it
		err = r.Begin(g.First, g.First, nil, nil, 0, state)
		r.End()
	}
	if err != nil {
		d.noteError("durable", err)
	}
	q.ring, q.longest, q.runMost = r, longest, durableRun
	d.trace.most, d.trace.mostRecords = g.Batch, g.BatchRecords
	return nil
}

// A durableError says where in the Config it is what a ring could not be made of.
type durableError struct {
	path string
	err  error // begins with the name of the field
}

func (e *durableError) Error() string {
	return "hydra: " + e.path + "." + strings.TrimPrefix(e.err.Error(), "ring: ")
}

func (e *durableError) Unwrap() error { return e.err }

// openRings makes the queues durable that are to be. What cannot be stays in
// memory; the error says why.
func (c *core) openRings() error {
	c.appointTellers()
	failures := make([]error, len(c.destinations))
	for i, d := range c.destinations {
		failures[i] = d.openRing()
	}
	return errors.Join(failures...)
}

// closeRings gives back the rings of a handler that does not come to be.
func (c *core) closeRings() {
	for _, d := range c.destinations {
		if d.queue.ring != nil {
			_ = d.queue.ring.Remove() // why the handler failed is the news
		}
	}
}

// DurableHealth is the state of what makes a queue outlive the process.
type DurableHealth struct {
	// Path is the file, and Bytes what it takes of the memory.
	Path  string `json:"path,omitempty"`
	Bytes int64  `json:"bytes"`

	// Recovered is how many records of dead processes the sink took, and Arrived how
	// many more it had already, and did not get again. Waiting is how many are yet to
	// come. A gap marker counts as a record where it stood behind one of which the sink
	// of the dead process had taken a part.
	Recovered uint64 `json:"recovered"`
	Arrived   uint64 `json:"arrived"`
	Waiting   uint64 `json:"waiting"`

	// Holes are records that a log call was about to make when its process died, and
	// Damaged those whose bytes were not what they had been.
	Holes   uint64 `json:"holes"`
	Damaged uint64 `json:"damaged"`

	// Fallback is how many of the records of dead processes went to the fallback, since
	// somebody had removed their file when Close had no more time for them, and Lost how
	// many it did not take.
	Fallback uint64 `json:"fallback"`
	Lost     uint64 `json:"lost"`

	// Quarantined is how many files were quarantined.
	Quarantined uint64 `json:"quarantined"`

	// Error says why the queue is in memory instead; empty if it is durable.
	Error string `json:"error,omitempty"`
}

// inMemory reports whether a queue that was to be durable is not.
func (h *DurableHealth) inMemory() bool { return h != nil && h.Error != "" }

// durableHealth returns the state of the durable queue, if there was to be one. The
// caller holds mu.
func (d *destination) durableHealth() *DurableHealth {
	if d.config.Durable == nil {
		return nil
	}
	h := d.durability
	err := d.notDurable
	if r := d.queue.ring; r != nil {
		h.Path, h.Bytes = r.Path(), r.Size()
		err = r.Retired()
	}
	if err != nil {
		h.Error = err.Error()
	}
	return &h
}

// tellRetired reports once that the ring has failed, and the queue goes on in
// memory.
func (d *destination) tellRetired() {
	r := d.queue.ring
	if r == nil || d.retired.Load() {
		return
	}
	if err := r.Retired(); err != nil && !d.retired.Swap(true) {
		d.shared.reporter.report(Event{Kind: EventNotDurable, Destination: d.config.Name, Err: err})
	}
}
