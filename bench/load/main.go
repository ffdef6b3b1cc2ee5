// Load for an Iceberg REST catalog: loadTable and commits by many clients, each with a connection of its own.
//
//	load get URL CLIENTS SECONDS [ETAG]           the same GET again and again; with ETAG, If-None-Match
//	load commit CLIENTS SECONDS LIST TABLE-URL…   appends snapshots of the manifest list LIST; client n commits to
//	                                              table n modulo their number, and tries again after a conflict
//
// Prints one JSON object. Any answer that was not expected ends it with an error.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/url"
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

// One client: a connection that is kept, and what it saw. Below net/http, whose client costs more than some answers.
type client struct {
	conn      net.Conn
	reader    *bufio.Reader
	times     []time.Duration
	bytes     int64
	conflicts int
}

// The answer's status and, where it is wanted, its body.
func (c *client) do(method, address string, body []byte, etag string, wanted bool) (int, []byte, error) {
	target, err := url.Parse(address)
	if err != nil {
		return 0, nil, err
	}
	if c.conn == nil {
		if c.conn, err = net.Dial("tcp", target.Host); err != nil {
			return 0, nil, err
		}
		c.reader = bufio.NewReaderSize(c.conn, 1<<16)
	}
	var request bytes.Buffer
	fmt.Fprintf(&request, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n",
		method, target.RequestURI(), target.Host, len(body))
	if etag != "" {
		fmt.Fprintf(&request, "If-None-Match: %s\r\n", etag)
	}
	request.WriteString("\r\n")
	request.Write(body)
	if _, err = c.conn.Write(request.Bytes()); err != nil {
		return 0, nil, err
	}
	answer, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, nil, err
	}
	if wanted || answer.StatusCode >= 400 {
		text, err := io.ReadAll(answer.Body)
		c.bytes += int64(len(text))
		return answer.StatusCode, text, err
	}
	count, err := io.Copy(io.Discard, answer.Body)
	c.bytes += count
	return answer.StatusCode, nil, err
}

// Runs step in each client until the time is over; the first error ends all.
func together(count int, seconds float64, step func(c *client, number int) error) (result, error) {
	clients := make([]*client, count)
	failures := make([]error, count)
	var group sync.WaitGroup
	start := time.Now()
	end := start.Add(time.Duration(seconds * float64(time.Second)))
	for i := range clients {
		clients[i] = &client{}
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

func get(address string, etag string) func(c *client, number int) error {
	want := http.StatusOK
	if etag != "" {
		want = http.StatusNotModified
	}
	return func(c *client, _ int) error {
		status, text, err := c.do("GET", address, nil, etag, false)
		if err == nil && status != want {
			err = fmt.Errorf("GET %s: %d %.200s", address, status, text)
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

// A commit that appends a snapshot of this id.
func (t *table) append(list string, id int64) ([]byte, error) {
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
				status, text, err := c.do("GET", url, nil, "", true)
				if err != nil || status != http.StatusOK {
					return fmt.Errorf("GET %s: %d %.200s %v", url, status, text, err)
				}
				if err := json.Unmarshal(text, known[number]); err != nil {
					return err
				}
			}
			id := rand.Int63()
			body, err := known[number].append(list, id)
			if err != nil {
				return err
			}
			status, text, err := c.do("POST", url, body, "", false)
			if err != nil {
				return err
			}
			if status == http.StatusConflict {
				c.conflicts++
				known[number] = nil
				continue
			}
			if status != http.StatusOK {
				return fmt.Errorf("POST %s: %d %.300s", url, status, text)
			}
			known[number].Metadata.Current = &id
			known[number].Metadata.Sequence++
			return nil
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
