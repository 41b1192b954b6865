#include "request.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "failing.h"

static bool take(const char **rest, char expected) {
  *rest += strspn(*rest, " \t\r\n");
  if (**rest != expected) return false;
  ++*rest;
  return true;
}

static void expect(const char **rest, char expected) {
  if (!take(rest, expected)) fail("The request is no object of texts and numbers.");
}

static void take_text(const char **rest, char text[MAX_TEXT]) {
  expect(rest, '"');
  size_t length = strcspn(*rest, "\"\\");
  if ((*rest)[length] != '"') fail("There is an escape in the request, or a text without an end.");
  if (length >= MAX_TEXT) fail("A text of the request is too long.");
  memcpy(text, *rest, length);
  text[length] = '\0';
  *rest += length + 1;
}

static int take_count(const char **rest) {
  char *end;
  long count = strtol(*rest, &end, 10);
  if (end == *rest || count < 1 || count > MAX_COUNT) fail("There is no such count.");
  *rest = end;
  return (int)count;
}

static operation operation_of(const char *name) {
  if (strcmp(name, "list") == 0) return LIST;
  if (strcmp(name, "load") == 0) return LOAD;
  fail("There are the operations list and load.");
}

static void take_member(const char **rest, request *result) {
  char name[MAX_TEXT], text[MAX_TEXT];
  take_text(rest, name);
  expect(rest, ':');
  if (strcmp(name, "count") == 0) {
    result->count = take_count(rest);
  } else if (strcmp(name, "path") == 0) {
    take_text(rest, result->path);
  } else if (strcmp(name, "operation") == 0) {
    take_text(rest, text);
    result->operation = operation_of(text);
  } else if (strcmp(name, "tensors") == 0) {
    take_text(rest, text);  // the other workers need to know: here all that is in the file is read
  } else {
    fail("There is a member of the request that is not known here.");
  }
}

request parse_request(const char *line) {
  request result = {0};
  expect(&line, '{');
  do take_member(&line, &result);
  while (take(&line, ','));
  expect(&line, '}');
  if (!take(&line, '\0') || !result.operation || result.path[0] == '\0' || result.count == 0)
    fail("The request needs an operation, a path and a count, and nothing behind it.");
  return result;
}
