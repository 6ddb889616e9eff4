// Package publish turns events into what the world reads: CloudEvents JSON for programs, an e-mail, a short message and
// a subject line for people, and attributes to filter by.
//
// Rendering is pure: the same event gives the same bytes, whoever renders it and however often. An event holds no
// download link, so none can come out. Every text of the API is bounded and made harmless for the place it goes to.
// The packages below this one carry the result somewhere: sns to a topic, console to a terminal or a pipe.
package publish
