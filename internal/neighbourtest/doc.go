// Package neighbourtest holds against restorewatch what was found wrong with its neighbours: programs that look, remember
// and tell, and lose or double what they tell because of the order in which they do it.
//
// Each neighbour's order stands here in a few lines, and is first shown to lose under a fault. Then the same fault strikes
// restorewatch as it is deployed: the built functions over DynamoDB Local, the command line over its SQLite file, both
// against a simulated API, a topic with a queue behind it and receivers on loopback. The package holds tests only.
package neighbourtest
