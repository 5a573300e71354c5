// Package problem holds what this API answers when it refuses or fails: problem details
// for HTTP (RFC 9457), used by the server that writes them and the client that reads them.
//
// Every problem has a stable [Code]. The table behind [Lookup] gives each code its HTTP
// status, a title, an explanation for the people who integrate, and whether the same
// request may be sent again. The server answers a problem's type, a URL that ends in
// /problems/{code}, with that explanation.
//
// A problem never repeats a value that the client sent, nor SQL, a file path or a Go type:
// it may end up in a log, and values here are health data. Detail texts are written by
// hand; a [Fault] names the place in the request by a JSON pointer.
package problem
