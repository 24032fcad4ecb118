package registry

import (
	"log/slog"
	"os"
	"slices"
	"strings"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/store"

	"github.com/mittere/mittere/comm"
)

// Reach returns the endpoint by which sockets of a context reach an instance best, the
// first of its [Candidates]; empty if there is none.
func Reach(instance *mitterev1.Instance, zctx *comm.Context) string {
	if candidates := Candidates(instance, zctx); len(candidates) > 0 {
		return candidates[0]
	}
	return ""
}

// Candidates returns the endpoints by which sockets of a context may reach an instance,
// the best first: inproc if it is in the same context, ipc if it is in the same file system
// and its socket is there, tcp, and ipc whose socket is not there. Endpoints that
// [store.CheckEndpoint] refuses are left out. A socket file may be left of a process that is
// gone, so a caller that cannot connect to one candidate tries the next.
//
// Of an instance that does not say which file system its ipc endpoints are in, as those of
// older peers, the name of the host is believed.
func Candidates(instance *mitterev1.Instance, zctx *comm.Context) (candidates []string) {
	for _, usable := range []func(string) bool{
		func(e string) bool { return strings.HasPrefix(e, "inproc://") && instance.GetContext() == zctx.ID() },
		func(e string) bool { return isIPC(e) && isHere(instance) && hasSocket(e) },
		func(e string) bool { return strings.HasPrefix(e, "tcp://") },
		func(e string) bool { return isIPC(e) && isHere(instance) },
	} {
		for _, e := range instance.GetEndpoints() {
			if usable(e) && store.CheckEndpoint(e) == nil && !slices.Contains(candidates, e) {
				candidates = append(candidates, e)
			}
		}
	}
	return candidates
}

// reportMalformed logs the endpoints of news that [Reach] leaves out, which the registry has
// of older peers or is older itself.
func (c *Client) reportMalformed(news *mitterev1.WatchResponse) {
	entries := news.GetSnapshot().GetEntries()
	if change := news.GetChange(); change.GetKind() == mitterev1.Change_KIND_PUT {
		entries = []*mitterev1.Entry{change.GetEntry()}
	}
	for _, entry := range entries {
		i := entry.GetInstance()
		for _, endpoint := range i.GetEndpoints() {
			if err := store.CheckEndpoint(endpoint); err != nil {
				c.limited.Write(slog.LevelWarn, "malformed endpoint left out", "name", i.GetName(), "id", i.GetId(), "error", err)
			}
		}
	}
}

// isIPC reports whether an endpoint is one of ipc.
func isIPC(endpoint string) bool { return strings.HasPrefix(endpoint, "ipc://") }

// isHere reports whether the ipc endpoints of an instance are in the file system of this
// process, as far as it says.
func isHere(instance *mitterev1.Instance) bool {
	if id := instance.GetHostId(); id != "" {
		return id == HostID()
	}
	return instance.GetHost() == Host() && Host() != ""
}

// hasSocket reports whether the socket of an ipc endpoint is there; an abstract one, whose
// name begins with "@", has no file.
func hasSocket(endpoint string) bool {
	path := strings.TrimPrefix(endpoint, "ipc://")
	if strings.HasPrefix(path, "@") {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode()&os.ModeSocket != 0
}

// Host returns the name of this host; empty if it is not known.
func Host() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// HostID returns what tells the file system of this process from all others: the boot of
// the kernel and the mount namespace, which containers and cloned machines do not share
// though they may share a name. It is empty where the system does not say, as it is
// elsewhere than on Linux.
func HostID() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	mounts, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + mounts
}
