package instruments

import "fmt"

// numbered are the ids prefix-1 to prefix-n.
func numbered(prefix string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%d", prefix, i+1)
	}
	return ids
}

// scale is scored items with the ids prefix-1, prefix-2 … and the same answers, which give 0
// points and up.
func scale(prefix string, texts []string, answers ...string) []Item {
	items := make([]Item, len(texts))
	for n, id := range numbered(prefix, len(texts)) {
		items[n] = Item{ID: id, Text: texts[n], Scored: true, Options: options(0, answers...)}
	}
	return items
}

// options are answers that rise by one from the first value.
func options(first int, texts ...string) []Option {
	list := make([]Option, len(texts))
	for n, text := range texts {
		list[n] = Option{Value: first + n, Text: text}
	}
	return list
}
