// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/sink"
)

// checker completes a Config with its defaults and collects what is wrong with
// it. What is wrong it replaces by something that works, so that NewHandler can
// go on: a number by its default, a sink that cannot be by one that never opens,
// whose records therefore go to the fallback.
type checker struct {
	mistakes []error
	layerKey string
	root     string               // Config.Root, absolute; empty: none
	folded   map[string]string    // layer names in lower case
	claimed  map[[2]string]string // match rules, and the layers that own them
	merged   map[string]bool      // names of destinations that are none, since another has their sink
}

// note adds a mistake: where it is, what it is and the way out.
func (c *checker) note(path, text string, args ...any) error {
	err := fmt.Errorf("hydra: %s: %s", path, fmt.Sprintf(text, args...))
	c.mistakes = append(c.mistakes, err)
	return err
}

// What the zero values of fields mean.
const (
	defaultLayerKey     = "layer"
	defaultCloseTimeout = 10 * time.Second
	defaultMemoryLimit  = 70 // percent
	defaultRetryFor     = 5 * time.Second

	// The default queue holds a stall of 200 ms at 100,000 records a second, and
	// what a busy core logs while the writer's core does something else.
	defaultQueueRecords = 32 << 10
	defaultQueueBytes   = 8 << 20
)

// config returns a copy of cfg in which every field has its working value.
func (c *checker) config(cfg Config) Config {
	c.folded = make(map[string]string)
	c.claimed = make(map[[2]string]string)
	c.merged = make(map[string]bool)
	cfg.Level = c.level("Level", cfg.Level, slog.LevelInfo)
	if cfg.LayerKey == "" {
		cfg.LayerKey = defaultLayerKey
	}
	c.layerKey = cfg.LayerKey
	c.root = c.folder(cfg.Root)
	extractors := cfg.Extractors
	cfg.Extractors = nil
	for i, f := range extractors {
		if f == nil {
			c.note(fmt.Sprintf("Extractors[%d]", i), "is nil; remove it")
			continue
		}
		cfg.Extractors = append(cfg.Extractors, f)
	}
	if isNil(cfg.Fallback) {
		if cfg.Fallback != nil {
			c.note("Fallback", "is a nil %T; leave it unset for standard error", cfg.Fallback)
		}
		cfg.Fallback = stderrWriter{}
	}
	if isLogWriter(cfg.Fallback) {
		c.note("Fallback", "is a %T, which makes a record of every write; leave it unset for standard error", cfg.Fallback)
		cfg.Fallback = stderrWriter{}
	}
	if cfg.MemoryLimit > 100 {
		c.note("MemoryLimit", "%d is more than 100 percent; use a negative number for no limit", cfg.MemoryLimit)
		cfg.MemoryLimit = 0
	}
	if cfg.MemoryLimit == 0 {
		cfg.MemoryLimit = defaultMemoryLimit
	}
	if cfg.CloseTimeout == 0 {
		cfg.CloseTimeout = defaultCloseTimeout
	}

	given := cfg.Layers
	cfg.Layers = make(map[string]Layer, len(given)+1)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		path := fmt.Sprintf("Layers[%q]", name)
		if c.layerName(path, name) {
			cfg.Layers[name] = c.layer(path, name, given[name], cfg.Level)
		}
	}
	if _, ok := cfg.Layers[defaultLayer]; !ok {
		cfg.Layers[defaultLayer] = c.layer("", defaultLayer, Layer{
			Destinations: []Destination{{Sink: Stdout()}},
		}, cfg.Level)
	}
	return cfg
}

// layerName reports whether a layer of that name can be chosen at all.
func (c *checker) layerName(path, name string) bool {
	if name == "" {
		c.note(path, "a layer without a name can never be chosen; name it, or call it %q", defaultLayer)
		return false
	}
	if name != strings.TrimSpace(name) || strings.ContainsFunc(name, unicode.IsControl) {
		c.note(path, "the name has white space around it or control characters in it; remove them")
	}
	lower := strings.ToLower(name)
	if other, ok := c.folded[lower]; ok {
		c.note(path, "duplicate of layer %q, from which it differs in case only; rename one or join them", other)
	}
	c.folded[lower] = name
	return true
}

func (c *checker) layer(path, name string, l Layer, level slog.Leveler) Layer {
	l.Level = c.level(path+".Level", l.Level, level)
	given := l.Match
	l.Match = make(map[string]string, len(given))
	for _, key := range slices.Sorted(maps.Keys(given)) {
		at, value := fmt.Sprintf("%s.Match[%q]", path, key), given[key]
		owner, taken := c.claimed[[2]string{key, value}]
		switch {
		case key == "":
			c.note(at, "no attribute has an empty key; name one")
		case key == c.layerKey:
			c.note(at, "%q is the layer key, whose value names the layer; name the layer so, or match another key", key)
		case name == everyLayer:
			c.note(at, "layer %q takes every record already; remove the rule", everyLayer)
		case taken:
			c.note(at, "%s=%s already chooses layer %q; keep one of the two", key, value, owner)
		default:
			c.claimed[[2]string{key, value}] = name
			l.Match[key] = value
		}
	}
	l.Destinations = slices.Clone(l.Destinations)
	if len(l.Destinations) == 0 {
		err := c.note(path+".Destinations", "is empty, so the layer's records have nowhere to go but the fallback; add a destination")
		l.Destinations = []Destination{{Sink: &unavailable{err: err}}}
	}
	for i := range l.Destinations {
		c.destination(fmt.Sprintf("%s.Destinations[%d]", path, i), usualName(name, i), &l.Destinations[i])
	}
	return l
}

// destination completes d in place.
func (c *checker) destination(path, name string, d *Destination) {
	if d.Name == "" {
		d.Name = name
	}
	if isNil(d.Sink) {
		d.Sink = &unavailable{err: c.note(path+".Sink", "is nil, so its records go to the fallback; set one, such as hydra.Stdout()")}
	}
	d.Sink = c.confine(path+".Sink", d.Sink)
	if isNil(d.Format) {
		if d.Format != nil {
			c.note(path+".Format", "is a nil %T; leave it unset for JSON", d.Format)
		}
		d.Format = format.JSON(nil)
	}
	if d.Level != nil {
		d.Level = c.level(path+".Level", d.Level, nil)
	}
	if d.SyncLevel != nil {
		d.SyncLevel = c.level(path+".SyncLevel", d.SyncLevel, nil)
	}
	d.SyncTo = c.syncTo(path, d)
	if d.Policy > Error {
		c.note(path+".Policy", "%d is unknown; use DropOldest, Block or Error", d.Policy)
		d.Policy = DropOldest
	}
	if d.BlockTimeout < 0 {
		c.note(path+".BlockTimeout", "%v is negative; leave it zero to wait without bound", d.BlockTimeout)
		d.BlockTimeout = 0
	}
	if d.BlockTimeout > 0 && d.Policy != Block {
		c.note(path+".BlockTimeout", "%v has no use, as under Policy %v no log call waits; set Policy to Block, or leave it unset", d.BlockTimeout, d.Policy)
		d.BlockTimeout = 0
	}
	d.Audit = c.audit(path+".Audit", d.Audit)
	if d.RetryFor == 0 {
		d.RetryFor = defaultRetryFor
	}
	records := c.size(path+".Queue.Records", int64(d.Queue.Records), defaultQueueRecords, maxQueueRecords)
	d.Queue.Records = int(records)
	d.Queue.Bytes = c.size(path+".Queue.Bytes", d.Queue.Bytes, defaultQueueBytes, maxQueueBytes)
	if least := shortest(d.Format, d.Queue.Bytes); d.Queue.Bytes < least {
		c.note(path+".Queue.Bytes", "%d holds no record, as the shortest takes %d; give it many times that, or leave it zero for %d", d.Queue.Bytes, least, defaultQueueBytes)
		d.Queue.Bytes = defaultQueueBytes
	}
	if d.Durable != nil {
		d.Durable = c.durable(path+".Durable", *d.Durable)
	}
}

// idleLevels notes each level of a destination that is below its layer's, where no other
// layer brings the records between the two, and none of the levels may change.
func (c *checker) idleLevels(routes map[string][]route) {
	least := make(map[*destination]slog.Level) // that may come
	for _, ways := range routes {
		for _, way := range ways {
			level, constant := way.constant()
			if !constant {
				level = math.MinInt
			}
			if have, ok := least[way.to]; !ok || level < have {
				least[way.to] = level
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		for _, way := range routes[name] {
			level, ok := way.level.(slog.Level)
			own, set := way.own.(slog.Level)
			if ok && set && own < level && least[way.to] == level {
				c.note(way.path+".Level", "%v is below %v, the level of layer %q, which keeps such records from it; lower that, or Config.Level where the layer has none, or leave this one unset", own, level, name)
			}
		}
	}
}

// folder returns the absolute path of Config.Root, or a path below which nothing is.
func (c *checker) folder(root string) string {
	if root == "" {
		return ""
	}
	abs, err := filepath.Abs(root)
	switch {
	case strings.ContainsFunc(root, unicode.IsControl):
		c.note("Root", "%q has control characters in it; remove them", root)
	case err != nil:
		c.note("Root", "the working directory, to which %q is relative, is not known (%v); give an absolute path", root, err)
	default:
		return abs
	}
	return nowhere
}

// nowhere stands for a root that cannot be: no sink with paths gets below it.
const nowhere = "\x00"

// confine returns s, kept below Config.Root if it has paths, or the sink that stands
// for one that cannot be.
func (c *checker) confine(path string, s sink.Sink) sink.Sink {
	confiner, ok := s.(sink.Confiner)
	if !ok || c.root == "" {
		return s
	}
	if c.root == nowhere {
		return &unavailable{err: c.note(path, "cannot be kept below Root, which is wrong; mend that first")}
	}
	err := func() (err error) {
		defer func() {
			if p := errs.Recovered(recover()); p != nil {
				err = p
			}
		}()
		return confiner.Confine(c.root)
	}()
	if err != nil {
		return &unavailable{err: c.note(path, "cannot be kept below Root: %v", err)}
	}
	return s
}

// syncTo returns the promise of d that can be kept.
func (c *checker) syncTo(path string, d *Destination) Promise {
	_, syncs := d.Sink.(sink.Syncer)
	_, missing := d.Sink.(*unavailable)
	switch {
	case d.SyncTo == 0:
	case d.SyncTo > SurvivesPower:
		c.note(path+".SyncTo", "%d is unknown; use SurvivesProcess or SurvivesPower, or leave it unset", d.SyncTo)
	case d.SyncLevel == nil:
		c.note(path+".SyncTo", "no record waits without SyncLevel; set it, or leave SyncTo unset")
	case d.SyncTo == SurvivesPower && !syncs && !missing:
		c.note(path+".SyncTo", "%v: the sink %s cannot bring records to a disk; use one that is a sink.Syncer, or SurvivesProcess", d.SyncTo, sinkName(d.Sink))
		return SurvivesProcess
	default:
		return d.SyncTo
	}
	return 0
}

// usualName is the name of a destination that was given none.
func usualName(layer string, i int) string { return fmt.Sprintf("%s/%d", layer, i) }

// shared returns the destination among others that d is one with, because they
// have one sink, and whether their settings are equal, as they have to be. Sinks
// that were made of one io.Writer are one where nothing speaks against it. An
// unshared d must have a name of its own, and with a durable queue one that was
// given; a shared one may do without.
func (c *checker) shared(path, usual string, d *Destination, others []*destination) (with *destination, equal bool) {
	for _, o := range others {
		a, b := &o.config, d
		equal := (b.Name == a.Name || b.Name == usual) && same(a.Format, b.Format) && a.Policy == b.Policy &&
			a.BlockTimeout == b.BlockTimeout && a.Queue == b.Queue && a.RetryFor == b.RetryFor &&
			a.Fallback == b.Fallback && same(a.SyncLevel, b.SyncLevel) && a.SyncTo == b.SyncTo &&
			a.Audit.equal(b.Audit) && sameDurable(a.Durable, b.Durable)
		switch {
		case same(a.Sink, b.Sink):
			return o, equal
		case equal && sameWriter(a.Sink, b.Sink):
			return o, true
		}
	}
	for _, o := range others {
		if o.config.Name == d.Name {
			c.note(path+".Name", "%q is the name of another destination; choose one of its own", d.Name)
			d.Name = usual
		}
	}
	if d.Durable != nil && d.Name == usual {
		c.note(path+".Name", "%q says only where the destination stands in the Config, and the next start finds a durable queue by it; set a name, and keep it", usual)
	}
	return nil, false
}

// sameWriter reports whether Writer made both sinks of the same io.Writer.
func sameWriter(a, b sink.Sink) bool {
	switch a := a.(type) {
	case *ioWriter:
		b, ok := b.(*ioWriter)
		return ok && same(a.w, b.w)
	case *stdio:
		b, ok := b.(*stdio)
		return ok && a.file == b.file
	}
	return false
}

// size returns n, or usual if n is zero or makes no sense.
func (c *checker) size(path string, n, usual, most int64) int64 {
	switch {
	case n == 0:
	case n < 0:
		c.note(path, "%d is negative; leave it zero for %d", n, usual)
	case n > most:
		c.note(path, "%d is more than the %d that a queue can hold; leave it zero for %d", n, most, usual)
	default:
		return n
	}
	return usual
}

// shortest returns the bytes that a record without a message takes in f, if they may be
// more than a queue has.
func shortest(f format.Format, queue int64) int64 {
	if queue >= 1<<10 {
		return 0 // and a format of the user's is not called for nothing
	}
	p, _ := contain(f).AppendRecord(nil, slog.NewRecord(time.Unix(0, 0).UTC(), slog.LevelInfo, "", 0), nil)
	return int64(len(p))
}

// level returns l, or usual if l is unset.
func (c *checker) level(path string, l, usual slog.Leveler) slog.Leveler {
	if !isNil(l) {
		return l
	}
	if l != nil {
		c.note(path, "is a nil %T; leave it unset or point it to a level", l)
	}
	return usual
}

// isNil reports whether v is nil or holds a nil pointer.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return (r.Kind() == reflect.Pointer || r.Kind() == reflect.Func) && r.IsNil()
}

// unavailable is the sink of a destination whose sink cannot be. Its records go
// to the fallback. It never opens, so nothing else of it is ever called.
type unavailable struct {
	sink.Sink // nil
	err       error
}

func (u *unavailable) Open(context.Context) error { return u.err }
