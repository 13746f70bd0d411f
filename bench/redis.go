package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisPair is a primary and a replica that hold everything in memory.
type redisPair struct {
	processes []*process
	addresses []string
	poll      time.Duration // see redisClerk
}

// startWithin is how long servers may take to be ready.
const startWithin = 20 * time.Second

func startRedis(ctx context.Context, server, dir string) (pair *redisPair, err error) {
	path, err := exec.LookPath(server)
	if err != nil {
		return nil, fmt.Errorf("there is no %s on this machine: install Debian's redis-server, or say where it is with -redis-server", server)
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	pair = &redisPair{}
	defer func() {
		if err != nil {
			pair.stop()
		}
	}()
	for i, port := range ports {
		home := filepath.Join(dir, fmt.Sprintf("redis-%d", i))
		if err := os.Mkdir(home, 0o700); err != nil {
			return nil, err
		}
		args := []string{
			"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", home,
			"--save", "", "--appendonly", "no", "--daemonize", "no",
			"--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0",
		}
		if i > 0 {
			args = append(args, "--replicaof", "127.0.0.1", strconv.Itoa(ports[0]))
		}
		p, err := start(home+".log", path, args...)
		if err != nil {
			return nil, err
		}
		pair.processes = append(pair.processes, p)
		pair.addresses = append(pair.addresses, fmt.Sprintf("127.0.0.1:%d", port))
	}
	return pair, pair.awaitReplica(ctx)
}

// awaitReplica returns when the replica acknowledges what is written.
func (r *redisPair) awaitReplica(ctx context.Context) error {
	client := redis.NewClient(&redis.Options{Addr: r.addresses[0]})
	defer client.Close()
	for deadline := time.Now().Add(startWithin); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		info, err := client.Info(ctx, "replication").Result()
		if err == nil && strings.Contains(info, "state=online") {
			return nil
		}
	}
	return fmt.Errorf("redis-server did not become a primary with a replica: %s", r.processes[len(r.processes)-1].lastWords())
}

func (r *redisPair) stop() {
	for _, p := range r.processes {
		p.stop()
	}
}

func (r *redisPair) pids() (pids []int) {
	for _, p := range r.processes {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

func (r *redisPair) connect(ctx context.Context, callers int) ([]clerk, func(), error) {
	all, free, err := r.clerks(ctx, callers)
	clerks := make([]clerk, len(all))
	for i, k := range all {
		clerks[i] = k
	}
	return clerks, free, err
}

func (r *redisPair) line(ctx context.Context, waiters int) ([]waiter, func(), error) {
	all, free, err := r.clerks(ctx, waiters)
	line := make([]waiter, len(all))
	for i, k := range all {
		line[i] = k
	}
	return line, free, err
}

// clerks share a client with a connection for each: WAIT holds up whatever shares
// its connection.
func (r *redisPair) clerks(ctx context.Context, callers int) ([]*redisClerk, func(), error) {
	client := redis.NewClient(&redis.Options{Addr: r.addresses[0], PoolSize: callers, MinIdleConns: min(callers, 64), PoolTimeout: time.Minute})
	script := redis.NewScript(compareAndDelete)
	if err := script.Load(ctx, client).Err(); err != nil {
		client.Close()
		return nil, nil, fmt.Errorf("load the script: %w", err)
	}
	clerks := make([]*redisClerk, callers)
	for i := range clerks {
		clerks[i] = &redisClerk{client, script, fmt.Sprintf("holder-%d", i), r.poll}
	}
	return clerks, func() { client.Close() }, nil
}

// compareAndDelete frees a lock only for whoever holds it.
const compareAndDelete = `if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end`

const (
	lease      = 30 * time.Second
	waitAtMost = time.Second
	waitForOne = 1 // replica
)

// redisClerk locks as the documentation of Redis recommends for one primary, and
// waits for the replica, so that a lock survives the primary as Lockstep's do.
// Each request and its WAIT travel together: one round trip.
type redisClerk struct {
	client *redis.Client
	script *redis.Script
	holder string
	poll   time.Duration // between two attempts at a lock that it waits for
}

func (k *redisClerk) lock(ctx context.Context, name string) (bool, error) {
	pipe := k.client.Pipeline()
	set := pipe.SetNX(ctx, name, k.holder, lease)
	wait := pipe.Do(ctx, "wait", waitForOne, waitAtMost.Milliseconds())
	if _, err := pipe.Exec(ctx); err != nil {
		return false, err
	}
	return set.Val(), replicated(wait)
}

// wait polls, since Redis has no queue. An attempt that fails has written nothing,
// so that its WAIT returns at once.
func (k *redisClerk) wait(ctx context.Context, name string) error {
	for {
		if yes, err := k.lock(ctx, name); yes || err != nil {
			return err
		}
		pause(ctx, k.poll)
	}
}

func (k *redisClerk) unlock(ctx context.Context, name string) (bool, error) {
	pipe := k.client.Pipeline()
	del := k.script.EvalSha(ctx, pipe, []string{name}, k.holder)
	wait := pipe.Do(ctx, "wait", waitForOne, waitAtMost.Milliseconds())
	if _, err := pipe.Exec(ctx); err != nil {
		return false, err
	}
	deleted, err := del.Int()
	return deleted == 1, errors.Join(err, replicated(wait))
}

func replicated(wait *redis.Cmd) error {
	acknowledged, err := wait.Int()
	if err == nil && acknowledged < waitForOne {
		err = errors.New("the replica has not acknowledged in time")
	}
	return err
}
