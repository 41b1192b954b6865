// One line of standard input: what to do with which file, and how often.
#ifndef REQUEST_H
#define REQUEST_H

enum { MAX_TEXT = 4096, MAX_COUNT = 1000000 };

typedef enum {
  NOTHING,
  LIST,  // the names, types and shapes of all datasets
  LOAD,  // and their elements
} operation;

typedef struct {
  operation operation;
  char path[MAX_TEXT];
  int count;
} request;

// Takes a line such as {"operation": "load", "path": "a.h5", "count": 2} apart. Of JSON it knows what
// is needed for that: texts without escapes, and whole numbers.
request parse_request(const char *line);

#endif
