package loadtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// peakOf returns the most memory that a process has had since forget, in kB.
func peakOf(t *testing.T, pid int) int {
	t.Helper()
	kB, ok := highWater(pid)
	if !ok {
		t.Fatalf("process %d has no memory", pid)
	}
	return kB
}

var vmHWM = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// highWater returns the most memory that a process has had, in kB (proc(5), VmHWM), unless it has ended.
func highWater(pid int) (kB int, ok bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	found := vmHWM.FindSubmatch(status)
	if found == nil {
		return 0, false
	}
	kB, err = strconv.Atoi(string(found[1]))
	return kB, err == nil
}

// followed returns a channel that gets the most memory that a process has had, in kB, once it has ended. The kernel's own
// account of a child (getrusage(2), ru_maxrss) begins with what its parent had.
func followed(pid int) <-chan int {
	peak := make(chan int, 1)
	go func() {
		most := 0
		for range time.Tick(2 * time.Millisecond) {
			kB, alive := highWater(pid)
			if !alive {
				break
			}
			most = kB
		}
		peak <- most
	}()
	return peak
}

// forget sets a process's VmHWM back to what it has now (proc(5), clear_refs).
func forget(t *testing.T, pid int) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

// busyOf returns the processor time that a process has taken (proc(5), stat, fields 14 and 15, in hundredths of a second).
func busyOf(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before it may hold anything
	fields := strings.Fields(rest)
	var ticks time.Duration
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}

// A cage is a pair of control groups (version 1) that give a process what Lambda gives a function: its memory, and the
// share of a processor that goes with it.
type cage struct{ memory, cpu string }

// fullCore is the memory at which a function has one whole vCPU (Lambda developer guide, "Configure Lambda function
// memory").
const fullCore = 1769

// newCage makes a cage for a function of that many MB. It takes root.
func newCage(t *testing.T, name string, megabytes int) cage {
	t.Helper()
	c := cage{"/sys/fs/cgroup/memory/" + name, "/sys/fs/cgroup/cpu/" + name}
	const period = 20_000 // µs
	for _, limit := range []struct {
		file  string
		value int
	}{
		{c.memory + "/memory.limit_in_bytes", megabytes << 20},
		{c.memory + "/memory.swappiness", 0},
		{c.cpu + "/cpu.cfs_period_us", period},
		{c.cpu + "/cpu.cfs_quota_us", period * megabytes / fullCore},
	} {
		if err := os.MkdirAll(filepath.Dir(limit.file), 0o755); err != nil {
			t.Fatalf("make control group: %v; -lambda takes root and control groups of version 1", err)
		}
		if err := os.WriteFile(limit.file, []byte(strconv.Itoa(limit.value)), 0); err != nil {
			t.Fatalf("limit control group: %v", err)
		}
	}
	t.Cleanup(func() {
		for _, dir := range []string{c.memory, c.cpu} {
			if err := os.Remove(dir); err != nil {
				t.Errorf("remove control group: %v", err)
			}
		}
	})
	return c
}

// around returns a program that runs another one within the cage from its first instruction on.
func (c cage) around(t *testing.T, program string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "caged")
	text := fmt.Sprintf("#!/bin/sh\nset -e\necho $$ > %s/cgroup.procs\necho $$ > %s/cgroup.procs\nexec %s\n", c.memory, c.cpu, program)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return script
}

// peak returns the most memory that was charged to the cage, in kB, pages of files and sockets among it.
func (c cage) peak(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(c.memory + "/memory.max_usage_in_bytes")
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return bytes >> 10
}
