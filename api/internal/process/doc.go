// Package process holds the tests of the program as its operators know it: built once, run as
// processes, killed, cut off from its database, and driven through the SDK.
package process
