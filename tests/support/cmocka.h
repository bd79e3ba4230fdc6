/* cmocka with the headers that it wants before itself; the few parts of it that the tests of the proof use, where they are built for
 * another architecture (LARDER_TESTS_PLAIN). */
#ifndef LARDER_TESTS_CMOCKA_H
#define LARDER_TESTS_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef LARDER_TESTS_PLAIN
#include "support/cmocka_plain.h"
#else
#include <cmocka.h>
#endif

#endif
