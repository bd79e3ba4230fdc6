/* cmocka with the headers that it wants before itself. */
#ifndef LARDER_TESTS_CMOCKA_H
#define LARDER_TESTS_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
