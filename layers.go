// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/errs"
	"github.com/hydra-logger/hydra/internal/peek"
)

// A router finds the layer of a record, and with it the way to destinations. It
// is immutable but for the names that it did not know.
type router struct {
	key     string // of the attribute that names a record's layer
	layers  map[string]*layer
	matches map[string]map[string]*layer // by key and value of an attribute
	lengths uint64                       // has a bit for the length of each key in matches, modulo 64
	usual   *layer                       // "default"
	formats []format.Format              // distinct ones
	search  bool                         // there is more than one layer to choose from
	every   bool                         // there is a layer "*", which is none of layers
	longest int                          // length of the longest layer name

	// least is the least level that a route of constant levels takes; changing
	// has the routes whose levels may change.
	least    slog.Level
	changing []route

	unknown  unknownNames
	reporter *reporter // of the core, before the first handler
}

// A layer is where its records go, those of layer "*" included.
type layer struct {
	outputs []output
}

// An output is the routes whose destinations share one encoding of a record.
type output struct {
	format int // index in router.formats
	routes []route
}

// A route leads from a layer to a destination.
type route struct {
	to    *destination
	level slog.Leveler // of the layer
	own   slog.Leveler // of the destination; nil takes all that the layer takes
	path  string       // in the Config
	every *route       // the way of layer "*" to the same destination, or nil
	sure  slog.Level   // from here on it takes all records, whatever levels change
}

// newRoute returns a route without a way of layer "*".
func newRoute(to *destination, level, own slog.Leveler, path string) route {
	r := route{to: to, level: level, own: own, path: path, sure: math.MaxInt}
	if level, constant := r.constant(); constant {
		r.sure = level
	}
	return r
}

// takes reports whether a record of level l goes this way.
func (r *route) takes(l slog.Level) bool { return l >= r.sure || r.takesNow(l) }

// takesNow is takes for levels that may have changed.
func (r *route) takesNow(l slog.Level) bool {
	return l >= r.level.Level() && (r.own == nil || l >= r.own.Level()) ||
		r.every != nil && r.every.takes(l)
}

// constant returns the least level that goes this way by itself, if it cannot change.
func (r *route) constant() (level slog.Level, constant bool) {
	level, constant = r.level.(slog.Level)
	if r.own != nil {
		own, ok := r.own.(slog.Level)
		level, constant = max(level, own), constant && ok
	}
	return level, constant
}

// newRouter connects the layers of cfg, which is complete, to destinations that
// it makes.
func newRouter(cfg Config, c *checker) (*router, []*destination) {
	r := &router{
		key:     cfg.LayerKey,
		layers:  make(map[string]*layer),
		matches: make(map[string]map[string]*layer),
		least:   math.MaxInt,
	}
	_, r.every = cfg.Layers[everyLayer]
	names := slices.Sorted(maps.Keys(cfg.Layers))
	routes, all := r.connect(cfg, names, c)
	for _, name := range names {
		r.add(name, cfg.Layers[name].Match, routes)
	}
	r.usual = r.layers[defaultLayer]
	r.search = len(r.layers) > 1
	return r, all
}

// connect makes the destinations, and returns them and each layer's routes to them. Equal
// sinks are one destination.
func (r *router) connect(cfg Config, names []string, c *checker) (routes map[string][]route, all []*destination) {
	routes = make(map[string][]route)
	for _, name := range names {
		from := cfg.Layers[name]
		for i, given := range from.Destinations {
			path := fmt.Sprintf("Layers[%q].Destinations[%d]", name, i)
			d, equal := c.shared(path, usualName(name, i), &given, all)
			switch {
			case d == nil:
				d = newDestination(path, given, r.format(given.Format))
				takeTurns(d, all)
				all = append(all, d)
			case slices.ContainsFunc(routes[name], func(r route) bool { return r.to == d }):
				c.note(path+".Sink", "is in this layer twice, which would write each record twice; remove one, or give it a sink of its own")
				c.merged[given.Name] = true
				continue
			case !equal:
				c.note(path, "has the sink of destination %q but other settings; make them equal, or give it a sink of its own", d.config.Name)
				c.merged[given.Name] = true
			}
			routes[name] = append(routes[name], newRoute(d, from.Level, given.Level, path))
		}
	}
	c.idleLevels(routes)
	return routes, all
}

// add adds a layer, with the rules that lead to it and its routes, those of layer "*"
// included.
func (r *router) add(name string, match map[string]string, routes map[string][]route) {
	l := &layer{}
	if name != everyLayer {
		l.add(routes[name], routes[everyLayer])
		r.layers[name] = l
		r.longest = max(r.longest, len(name))
	}
	for key, value := range match {
		if r.matches[key] == nil {
			r.matches[key] = make(map[string]*layer)
		}
		r.matches[key][value] = l
		r.lengths |= 1 << (len(key) % 64)
	}
	for _, way := range routes[name] {
		r.listen(way)
	}
}

// format returns the index of f among the distinct formats.
func (r *router) format(f format.Format) int {
	f = contain(f)
	for i, have := range r.formats {
		if same(have, f) {
			return i
		}
	}
	r.formats = append(r.formats, f)
	return len(r.formats) - 1
}

// listen makes Enabled report what goes this way.
func (r *router) listen(way route) {
	level, constant := way.constant()
	if !constant {
		r.changing = append(r.changing, way)
		return
	}
	r.least = min(r.least, level)
}

// add sorts a layer's own routes and those of layer "*" into outputs.
func (l *layer) add(own, every []route) {
	ways := slices.Clone(own)
	for _, e := range every {
		i := slices.IndexFunc(ways, func(w route) bool { return w.to == e.to })
		if i < 0 {
			ways = append(ways, e)
			continue
		}
		ways[i].every = &e // once is enough
		ways[i].sure = min(ways[i].sure, e.sure)
	}
	for _, way := range ways {
		i := slices.IndexFunc(l.outputs, func(o output) bool { return o.format == way.to.format })
		if i < 0 {
			i = len(l.outputs)
			l.outputs = append(l.outputs, output{format: way.to.format})
		}
		l.outputs[i].routes = append(l.outputs[i].routes, way)
	}
}

// enabled reports whether any route takes a record of level l. Which one the
// record will take is not known before its attributes are.
func (r *router) enabled(l slog.Level) bool {
	if l >= r.least {
		return true
	}
	for i := range r.changing {
		if r.changing[i].takes(l) {
			return true
		}
	}
	return false
}

// A place is what With and WithGroup have said about the layer of the records to
// come. Each field is nil while nothing was said.
type place struct {
	path    string // of the open groups, joined by dots, as far as it can matter
	named   *layer // by the layer attribute
	grouped *layer // by the longest configured prefix of path
	matched *layer // by a match rule
}

// layer returns the layer that the place chooses, or nil.
func (p *place) layer() *layer {
	switch {
	case p.named != nil:
		return p.named
	case p.grouped != nil:
		return p.grouped
	}
	return p.matched
}

// withGroup returns the place inside a group.
func (r *router) withGroup(p place, name string) place {
	if !r.search {
		return p
	}
	if p.path != "" {
		name = p.path + "." + name
	}
	if len(name) > r.longest {
		name = strings.Clone(name[:r.longest+1]) // no layer's name is longer
	}
	p.path = name
	for prefix := name; prefix != ""; prefix = prefix[:max(strings.LastIndexByte(prefix, '.'), 0)] {
		if l, ok := r.layers[prefix]; ok {
			p.grouped = l
			break
		}
	}
	return p
}

// withAttrs returns the place under attributes. The last layer attribute counts,
// and the last one that matches a rule.
func (r *router) withAttrs(p place, attrs []slog.Attr) place {
	if !r.search {
		return p
	}
	for _, a := range attrs {
		if a.Key == r.key {
			if l := r.byName(a.Value); l != nil {
				p.named = l
			}
		} else if l := r.match(&a); l != nil {
			p.matched = l
		}
	}
	return p
}

// find returns the layer of a record that is logged from p with the context
// attributes top. Its own attributes come after those, so they count for more.
func (r *router) find(p *place, record *slog.Record, top []slog.Attr) *layer {
	front, back := peek.Attrs(record)
	placed := p.layer()
	var named, matched *layer
	for _, attrs := range [...][]slog.Attr{top, front, back} {
		for i := range attrs {
			a := &attrs[i]
			if a.Key == r.key {
				if l := r.byName(a.Value); l != nil {
					named = l
				}
			} else if placed == nil {
				if l := r.match(a); l != nil {
					matched = l
				}
			}
		}
	}
	switch {
	case named != nil:
		return named
	case placed != nil:
		return placed
	case matched != nil:
		return matched
	}
	return r.usual
}

// byName returns the layer that the value of a layer attribute names. An unknown
// name is counted, told once and means the default layer; what cannot be a name gives nil.
func (r *router) byName(v slog.Value) *layer {
	name, ok := text(v)
	if !ok || name == "" {
		return nil
	}
	if l, ok := r.layers[name]; ok {
		return l
	}
	if kept, first := r.unknown.add(name); first {
		r.reportUnknown(kept)
	}
	return r.usual
}

// match returns the layer whose rule a satisfies, or nil.
func (r *router) match(a *slog.Attr) *layer {
	if r.lengths>>(len(a.Key)%64)&1 == 0 {
		return nil
	}
	values, ok := r.matches[a.Key]
	if !ok {
		return nil
	}
	value, _ := text(a.Value)
	return values[value]
}

// text returns what v says, if it is something that can be said in a word. What
// holds other values is not: printing it may take long, and forever if it holds
// itself. A panic of the value's own methods is what it says.
func text(v slog.Value) (s string, ok bool) {
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			s, ok = err.Error(), true
		}
	}()
	v = v.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		return "", false
	case slog.KindAny:
	default:
		return v.String(), true
	}
	switch x := v.Any().(type) {
	case error:
		return x.Error(), true
	case fmt.Stringer:
		return x.String(), true
	}
	switch r := reflect.ValueOf(v.Any()); r.Kind() {
	case reflect.String:
		return r.String(), true
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64:
		return fmt.Sprint(v.Any()), true
	}
	return "", false
}

// same reports whether two interfaces hold the same value, as far as that can be
// told: values that cannot be compared are different.
func same[T any](a, b T) bool {
	defer func() { _ = recover() }() // == on interfaces panics where it cannot
	return any(a) == any(b)
}
