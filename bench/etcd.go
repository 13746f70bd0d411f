package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// etcdMode as the first argument makes this program a member of an etcd cluster.
const etcdMode = "etcd-member"

// etcdTrio is three members of etcd, each a process of its own with the settings
// that it has by itself.
type etcdTrio struct {
	processes []*process
	endpoints []string
	home      string
	mutex     bool // clerks lock as etcd's own package does
}

// startEtcd starts three members. In memory means: their files are on a file
// system in memory, and nothing is synced.
func startEtcd(ctx context.Context, mutex bool, dir string, durable bool) (trio *etcdTrio, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(2 * nodesOfQuorum)
	if err != nil {
		return nil, err
	}
	trio = &etcdTrio{mutex: mutex}
	if trio.home, err = etcdHome(dir, durable); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			trio.stop()
		}
	}()
	var peers, cluster []string
	for i := range nodesOfQuorum {
		trio.endpoints = append(trio.endpoints, fmt.Sprintf("http://127.0.0.1:%d", ports[2*i]))
		peers = append(peers, fmt.Sprintf("http://127.0.0.1:%d", ports[2*i+1]))
		cluster = append(cluster, fmt.Sprintf("m%d=%s", i, peers[i]))
	}
	for i := range nodesOfQuorum {
		name := fmt.Sprintf("m%d", i)
		p, err := start(filepath.Join(dir, "etcd-"+name+".log"), self, etcdMode, name, filepath.Join(trio.home, name),
			trio.endpoints[i], peers[i], strings.Join(cluster, ","), fmt.Sprint(durable))
		if err != nil {
			return nil, err
		}
		trio.processes = append(trio.processes, p)
	}
	return trio, trio.awaitLeader(ctx)
}

// etcdHome is a fresh directory, on disk or in memory.
func etcdHome(dir string, durable bool) (string, error) {
	if !durable {
		dir = "/dev/shm"
	}
	home, err := os.MkdirTemp(dir, "lockstep-bench-etcd-")
	if err != nil {
		return "", fmt.Errorf("etcd in memory needs a file system in memory: %w", err)
	}
	return home, nil
}

// awaitLeader returns when a write is acknowledged.
func (e *etcdTrio) awaitLeader(ctx context.Context) error {
	client, err := e.client()
	if err != nil {
		return err
	}
	defer client.Close()
	for deadline := time.Now().Add(startWithin); time.Now().Before(deadline) && ctx.Err() == nil; pause(ctx, 50*time.Millisecond) {
		asking, cancel := context.WithTimeout(ctx, time.Second)
		_, err = client.Put(asking, "ready", "")
		cancel()
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("the three members of etcd did not become a cluster: %w: %s", err, e.processes[0].lastWords())
}

func (e *etcdTrio) stop() {
	for _, p := range e.processes {
		p.stop()
	}
	os.RemoveAll(e.home)
}

func (e *etcdTrio) pids() (pids []int) {
	for _, p := range e.processes {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

func (e *etcdTrio) client() (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: e.endpoints, DialTimeout: startWithin, Logger: zap.NewNop()})
}

// callersPerClient spreads callers over connections. At the rates that etcd
// reaches one would do; this is to be on the safe side.
const callersPerClient = 64

// connect returns clerks that share clients, each with a session that is kept
// alive.
func (e *etcdTrio) connect(ctx context.Context, callers int) (clerks []clerk, free func(), err error) {
	var clients []*clientv3.Client
	free = func() {
		for _, c := range clients {
			c.Close()
		}
	}
	var session *concurrency.Session
	for i := range callers {
		if i%callersPerClient == 0 {
			client, err := e.client()
			if err != nil {
				return nil, free, err
			}
			clients = append(clients, client)
			if session, err = concurrency.NewSession(client, concurrency.WithContext(ctx)); err != nil {
				free()
				return nil, free, fmt.Errorf("a session: %w", err)
			}
		}
		if e.mutex {
			clerks = append(clerks, &mutexClerk{session: session})
			continue
		}
		clerks = append(clerks, &etcdClerk{clients[len(clients)-1], session.Lease()})
	}
	return clerks, free, nil
}

// etcdClerk makes and deletes keys: the least that a lock takes. etcd's own
// package adds what it needs for its queue.
type etcdClerk struct {
	client *clientv3.Client
	lease  clientv3.LeaseID
}

func (k *etcdClerk) lock(ctx context.Context, name string) (bool, error) {
	answer, err := k.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(name), "=", 0)).
		Then(clientv3.OpPut(name, "", clientv3.WithLease(k.lease))).
		Commit()
	if err != nil {
		return false, err
	}
	return answer.Succeeded, nil
}

func (k *etcdClerk) unlock(ctx context.Context, name string) (bool, error) {
	answer, err := k.client.Delete(ctx, name)
	if err != nil {
		return false, err
	}
	return answer.Deleted == 1, nil
}

// mutexClerk locks as etcd's own package does.
type mutexClerk struct {
	session *concurrency.Session
	mutex   *concurrency.Mutex
}

func (k *mutexClerk) lock(ctx context.Context, name string) (bool, error) {
	k.mutex = concurrency.NewMutex(k.session, name)
	err := k.mutex.TryLock(ctx)
	if errors.Is(err, concurrency.ErrLocked) {
		return false, nil
	}
	return err == nil, err
}

func (k *mutexClerk) unlock(ctx context.Context, _ string) (bool, error) {
	err := k.mutex.Unlock(ctx)
	return err == nil, err
}

// runEtcd is a member. It returns when it is told to end.
func runEtcd(args []string) error {
	const wanted = 6
	if len(args) != wanted {
		return errors.New("this is for bench itself to start")
	}
	name, dir, client, peer, cluster, durable := args[0], args[1], args[2], args[3], args[4], args[5]
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.InitialCluster = name, dir, cluster
	cfg.LogLevel, cfg.LogOutputs = "error", []string{"stderr"}
	cfg.UnsafeNoFsync = durable != "true"
	clientURL, err := url.Parse(client)
	if err != nil {
		return err
	}
	peerURL, err := url.Parse(peer)
	if err != nil {
		return err
	}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{*clientURL}, []url.URL{*clientURL}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{*peerURL}, []url.URL{*peerURL}
	member, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer member.Close()
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	select {
	case err := <-member.Err():
		return err
	case <-ctx.Done():
		return nil
	}
}
