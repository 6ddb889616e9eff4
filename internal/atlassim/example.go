package atlassim

import "time"

// Where the jobs of the page's example response live.
const (
	PageProject = "6b77777887d9d61443b41645"
	PageCluster = "Cluster0"
)

// PageExample returns the three jobs of the page's example response, one sharded restore, newest id first.
func PageExample() []Job {
	return []Job{
		pageJob("5a66783b80eef5354c77ee16", "7c88887880eef52e5f4d0e2d", "5a6669d5e2bfb3461861360c",
			"config-Cluster0-config-0-5a66689487d9d61443b46149", "MGViYTUwZGQ4YWVkNDY4MGE2YWE4NGQzODY0MzAzYTU=",
			"a98af3c1f85a9eb3061423cda0fad8b4d0a48209"),
		pageJob("5a66783b80eef5354c77ee15", "6b88887880eef52e5f4d0e2f", "5a6669d9fcc178211a0d75a8",
			"Cluster0-shard-1", "N2Y1NDhkMjg0Mzk4NGU1Mzk3NTkwMjA0M2ZhODVkNDk=",
			"86bc2f505c0874cdc0eaaa82ead2ef48aaf56d67"),
		pageJob("5a66783b80eef5354c77ee14", "6b99987880eef52e5f4d0e31", "5a6669d9e2bfb34668cfe459",
			"Cluster0-shard-0", "NjMxOWFhNTA3MGY1NDU0Mzk5ZDU1YjE0YWY2ZjQ5NDM=",
			"18a8617d0b6bfff97b7232d1ebeeea16edc216b0"),
	}
}

func pageJob(id, cluster, snapshot, part, key, hash string) Job {
	file := part + "-1516661094-" + id + ".tar.gz"
	return Job{
		BatchID:     "5a66783b80eef5354c77ee13",
		ClusterID:   cluster,
		ClusterName: PageCluster,
		Created:     time.Date(2018, 1, 22, 23, 48, 11, 0, time.UTC),
		Delivery: Delivery{
			ExpirationHours: 48,
			Expires:         time.Date(2018, 1, 22, 23, 49, 38, 0, time.UTC),
			MaxDownloads:    2147483647,
			MethodName:      "HTTP",
			StatusName:      "EXPIRED",
			URL:             "https://api-backup.mongodb.com/backup/restore/v2/pull/" + id + "/" + key + "/" + file,
		},
		GroupID:    PageProject,
		Hashes:     []Hash{{FileName: file, Hash: hash, TypeName: "SHA1"}},
		ID:         id,
		SnapshotID: snapshot,
		StatusName: "FINISHED",
		Timestamp:  Timestamp{Date: time.Date(2018, 1, 22, 22, 44, 54, 0, time.UTC), Increment: 1},
		File:       file,
	}
}
