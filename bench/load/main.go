// Load for an Iceberg REST catalog: loadTable and commits by many clients, each with a connection of its own.
//
//	load get URL CLIENTS SECONDS [ETAG]           the same GET again and again; with ETAG, If-None-Match
//	load commit CLIENTS SECONDS LIST TABLE-URL…   appends snapshots of the manifest list LIST; client n commits to
//	                                              table n modulo their number, and tries again after a conflict
//
// Prints one JSON object. Any answer that was not expected ends it with an error.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"
)

type result struct {
	Operations int     `json:"operations"`
	Seconds    float64 `json:"seconds"`
	PerSecond  float64 `json:"per_s"`
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	Bytes      int64   `json:"bytes"`
	Conflicts  int     `json:"conflicts"`
}

// One client: a connection that is kept, and what it saw.
type client struct {
	http      http.Client
	times     []time.Duration
	bytes     int64
	conflicts int
}

func newClient() *client {
	return &client{http: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true}}}
}

// The answer's status and body.
func (c *client) do(method, url string, body []byte, etag string) (int, []byte, error) {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if etag != "" {
		request.Header.Set("If-None-Match", etag)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	c.bytes += int64(len(text))
	return answer.StatusCode, text, err
}

// Runs step in each client until the time is over; the first error ends all.
func together(count int, seconds float64, step func(c *client, number int) error) (result, error) {
	clients := make([]*client, count)
	failures := make([]error, count)
	var group sync.WaitGroup
	start := time.Now()
	end := start.Add(time.Duration(seconds * float64(time.Second)))
	for i := range clients {
		clients[i] = newClient()
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for time.Now().Before(end) && failures[i] == nil {
				begun := time.Now()
				failures[i] = step(clients[i], i)
				clients[i].times = append(clients[i].times, time.Since(begun))
			}
		}(i)
	}
	group.Wait()
	return summary(clients, time.Since(start)), errors.Join(failures...)
}

func summary(clients []*client, took time.Duration) result {
	var all []time.Duration
	sum := result{Seconds: took.Seconds()}
	for _, c := range clients {
		all = append(all, c.times...)
		sum.Bytes += c.bytes
		sum.Conflicts += c.conflicts
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	sum.Operations = len(all)
	sum.PerSecond = float64(len(all)) / took.Seconds()
	if len(all) > 0 {
		sum.P50 = all[len(all)/2].Seconds() * 1e3
		sum.P99 = all[len(all)*99/100].Seconds() * 1e3
	}
	return sum
}

func get(url string, etag string) func(c *client, number int) error {
	want := http.StatusOK
	if etag != "" {
		want = http.StatusNotModified
	}
	return func(c *client, _ int) error {
		status, text, err := c.do("GET", url, nil, etag)
		if err == nil && status != want {
			err = fmt.Errorf("GET %s: %d %.200s", url, status, text)
		}
		return err
	}
}

// What a commit needs to know of its table.
type table struct {
	Metadata struct {
		UUID     string `json:"table-uuid"`
		Current  *int64 `json:"current-snapshot-id"`
		Sequence int64  `json:"last-sequence-number"`
	} `json:"metadata"`
}

type object map[string]any

func (t *table) append(list string) ([]byte, error) {
	id := rand.Int63()
	snapshot := object{"snapshot-id": id, "sequence-number": t.Metadata.Sequence + 1, "timestamp-ms": time.Now().UnixMilli(),
		"manifest-list": list, "summary": object{"operation": "append"}, "schema-id": 0}
	var current any
	if t.Metadata.Current != nil && *t.Metadata.Current >= 0 {
		current = *t.Metadata.Current
		snapshot["parent-snapshot-id"] = current
	}
	return json.Marshal(object{
		"requirements": []object{
			{"type": "assert-table-uuid", "uuid": t.Metadata.UUID},
			{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": current}},
		"updates": []object{
			{"action": "add-snapshot", "snapshot": snapshot},
			{"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": id}}})
}

// A commit as clients make them: from what the last answer said, and after a conflict from what the table is now.
func commit(urls []string, list string, clients int) func(c *client, number int) error {
	known := make([]*table, clients)
	return func(c *client, number int) error {
		url := urls[number%len(urls)]
		for {
			if known[number] == nil {
				known[number] = &table{}
				status, text, err := c.do("GET", url, nil, "")
				if err != nil || status != http.StatusOK {
					return fmt.Errorf("GET %s: %d %.200s %v", url, status, text, err)
				}
				if err := json.Unmarshal(text, known[number]); err != nil {
					return err
				}
			}
			body, err := known[number].append(list)
			if err != nil {
				return err
			}
			status, text, err := c.do("POST", url, body, "")
			known[number] = nil
			if err != nil {
				return err
			}
			if status == http.StatusConflict {
				c.conflicts++
				continue
			}
			if status != http.StatusOK {
				return fmt.Errorf("POST %s: %d %.300s", url, status, text)
			}
			known[number] = &table{}
			return json.Unmarshal(text, known[number])
		}
	}
}

func run(words []string) (result, error) {
	if len(words) < 4 {
		return result{}, errors.New("usage: load get URL CLIENTS SECONDS [ETAG] | load commit CLIENTS SECONDS LIST URL…")
	}
	number := func(at int) float64 {
		value, err := strconv.ParseFloat(words[at], 64)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		return value
	}
	if words[0] == "get" {
		etag := ""
		if len(words) > 4 {
			etag = words[4]
		}
		return together(int(number(2)), number(3), get(words[1], etag))
	}
	clients := int(number(1))
	return together(clients, number(2), commit(words[4:], words[3], clients))
}

func main() {
	sum, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(sum)
}
