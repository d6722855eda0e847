// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"time"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/sink/file"
)

func ExampleNewJSONHandler() {
	h := hydra.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	defer h.Close(context.Background())

	slog.New(h).Info("hello", "user", 7)
	// Output: {"level":"INFO","msg":"hello","user":7}
}

func ExampleNewTextHandler() {
	h := hydra.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	defer h.Close(context.Background())

	slog.New(h).Info("hello", "user", 7)
	// Output: level=INFO msg=hello user=7
}

func ExampleNewHandler() {
	var db, audit, all bytes.Buffer // files, in a real program
	text := format.Text(&format.Options{ReplaceAttr: withoutTime})
	h := hydra.NewHandler(hydra.Config{
		Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{{Sink: hydra.Stdout(), Format: text}}},
			"db": {
				Level:        slog.LevelWarn,
				Destinations: []hydra.Destination{{Sink: hydra.Writer(&db), Format: text}},
			},
			"audit": {
				Match:        map[string]string{"component": "payments"},
				Destinations: []hydra.Destination{{Sink: hydra.Writer(&audit), Format: text, Policy: hydra.Block}},
			},
			"*": {
				Level:        slog.LevelError,
				Destinations: []hydra.Destination{{Sink: hydra.Writer(&all), Format: text}},
			},
		},
	})
	log := slog.New(h)
	log.Info("started")                                 // default
	log.WithGroup("db").Warn("slow query", "ms", 812)   // db, by its group
	log.WithGroup("db").Info("query", "ms", 3)          // below the level of db
	log.With("layer", "audit").Info("login", "user", 7) // audit, by its name
	log.Error("refused", "component", "payments")       // audit, by a match rule, and *

	if err := h.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("db:\n%saudit:\n%s*:\n%s", &db, &audit, &all)
	// Output:
	// level=INFO msg=started
	// db:
	// level=WARN msg="slow query" db.ms=812
	// audit:
	// level=INFO msg=login layer=audit user=7
	// level=ERROR msg=refused component=payments
	// *:
	// level=ERROR msg=refused component=payments
}

// A destination takes what the sink of another does not: a file on another disk, or
// standard output, as here, in place of a file that cannot be written.
func ExampleDestination_fallback() {
	text := format.Text(&format.Options{ReplaceAttr: withoutTime})
	h := hydra.NewHandler(hydra.Config{
		Layers: map[string]hydra.Layer{
			"default": {Destinations: []hydra.Destination{{
				Sink: file.New("no/such/folder/app.log", nil), Format: text,
				Fallback: "spare",
			}}},
			// Nothing is logged to this layer.
			"spare": {Destinations: []hydra.Destination{{
				Name: "spare", Sink: hydra.Stdout(), Policy: hydra.Block,
			}}},
		},
		Fallback: io.Discard, // what neither takes, and news; standard error in a program
	})
	slog.New(h).Info("hello")
	_ = h.Close(context.Background()) // tells of records that did not reach their own sink

	for _, d := range h.Health().Destinations {
		fmt.Printf("%s: %d offered, %d written, %d to the fallback\n", d.Name, d.Offered, d.Written, d.Fallback)
	}
	// Output:
	// level=INFO msg=hello
	// default/0: 1 offered, 0 written, 1 to the fallback
	// spare: 1 offered, 1 written, 0 to the fallback
}

func ExampleOpen() {
	_, err := hydra.Open(hydra.Config{
		Layers: map[string]hydra.Layer{
			"audit": {Destinations: []hydra.Destination{{
				Sink:  hydra.Stdout(),
				Queue: hydra.Queue{Records: -1},
			}}},
			"db": {},
		},
	})
	fmt.Println(err)
	// Output:
	// hydra: Layers["audit"].Destinations[0].Queue.Records: -1 is negative; leave it zero for 32768
	// hydra: Layers["db"].Destinations: is empty, so the layer's records have nowhere to go but the fallback; add a destination
}

func ExampleWith() {
	h := hydra.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	defer h.Close(context.Background())
	log := slog.New(h)

	ctx := hydra.With(context.Background(), slog.String("request", "r-17"))
	log.WithGroup("http").InfoContext(ctx, "served", "status", 200)
	// Output: level=INFO msg=served request=r-17 http.status=200
}

func ExampleTraceparent() {
	// The program's own way to keep the header of a request in its context.
	type headerKey struct{}
	header := func(ctx context.Context) string {
		h, _ := ctx.Value(headerKey{}).(string)
		return h
	}
	h := hydra.NewHandler(hydra.Config{
		Extractors: []func(context.Context) []slog.Attr{hydra.Traceparent(header)},
		Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
			Sink:   hydra.Stdout(),
			Format: format.Text(&format.Options{ReplaceAttr: withoutTime}),
		}}}},
	})
	defer h.Close(context.Background())

	ctx := context.WithValue(context.Background(), headerKey{}, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	slog.New(h).InfoContext(ctx, "served")
	// Output: level=INFO msg=served trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7
}

func ExampleAudit() {
	key := []byte("32 bytes of crypto/rand, rather.") // from where the logs are not
	var out bytes.Buffer
	h := hydra.NewHandler(hydra.Config{Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
		Sink:   hydra.Writer(&out),
		Format: format.Text(&format.Options{ReplaceAttr: withoutTime}),
		Audit:  &hydra.Audit{Key: key},
	}}}}})
	log := slog.New(h)
	log.Info("login", "user", 7)
	log.Info("logout", "user", 7)
	if err := h.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	// The name of the run and the MACs differ each time.
	fmt.Print(regexp.MustCompile(`trail=\w{8}\.([^.]+)\.\S{22}`).ReplaceAllString(out.String(), "trail=RUN.$1.MAC"))
	// Output:
	// level=INFO msg=login user=7 trail=RUN.1.MAC
	// level=INFO msg=logout user=7 trail=RUN.2.MAC
	// level=INFO msg="hydra: the run ends here" trail=RUN.end-2.MAC
}

func ExampleHandler_Flush() {
	var out bytes.Buffer
	h := hydra.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	defer h.Close(context.Background())

	slog.New(h).Info("order placed", "id", 7)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := h.Flush(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Print(&out) // what was logged before Flush is there
	// Output: level=INFO msg="order placed" id=7
}

func ExampleHandler_Close() {
	h := hydra.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	slog.New(h).Info("last words")

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := h.Close(ctx); err != nil {
		fmt.Println(err) // says, per destination, what became of the records
	}
	// Output: {"level":"INFO","msg":"last words"}
}

func ExampleExit() {
	log := slog.New(hydra.NewJSONHandler(os.Stdout, nil))
	if err := os.Chdir("data"); err != nil {
		log.Error("cannot start", "error", err)
		hydra.Exit(1) // os.Exit would lose the record
	}
}

func ExampleHandlePanic() {
	h := hydra.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTimeAndStack})
	defer h.Close(context.Background())

	work := func() {
		defer hydra.HandlePanic(h)

		slog.New(h).Info("working")
		panic("out of cheese")
	}
	defer func() { fmt.Println("the panic goes on:", recover()) }()
	work()
	// Output:
	// level=INFO msg=working
	// level=ERROR msg=panic panic="out of cheese"
	// the panic goes on: out of cheese
}

// withoutTimeAndStack leaves out what no example can foresee.
func withoutTimeAndStack(groups []string, a slog.Attr) slog.Attr {
	if a.Key == "stack" {
		return slog.Attr{}
	}
	return withoutTime(groups, a)
}

func ExampleHandler_Health() {
	var out bytes.Buffer
	h := hydra.NewJSONHandler(&out, nil)
	for i := range 3 {
		slog.New(h).Info("counting", "i", i)
	}
	if err := h.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	health := h.Health()
	fmt.Println(health.Phase)
	for _, d := range health.Destinations {
		fmt.Printf("%s: %d offered, %d written, %d dropped\n", d.Name, d.Offered, d.Written, d.Dropped)
	}
	// Output:
	// done
	// default/0: 3 offered, 3 written, 0 dropped
}
