/* The answers of S3 and STS are small XML documents: elements with texts, no attributes that matter. Anything else that
 * XML can do (document types, entities of one's own) is refused. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* path: local names from the root, "ListBucketResult/Contents/Key". text: what stands directly in the element. Both
 * valid during the call. */
typedef void object_xml_element(void *owner, struct str path, struct str text);

/* Tells of every element at its end, so children come before their parents. ERR_INVALID for what is no such document,
 * is nested deeper than 16 elements or has a longer text than 1 MiB. */
bool object_xml_parse(struct str document, object_xml_element *element, void *owner, struct err *err) MUST_USE;
