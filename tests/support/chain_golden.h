/* Written by chain_golden.py. Byte i of every message is i ^ i >> 8 ^ (i >> 16) * 31, cut to eight bits. */
#ifndef LARDER_TESTS_CHAIN_GOLDEN_H
#define LARDER_TESTS_CHAIN_GOLDEN_H

#include <stdint.h>

static const struct chain_golden {
	uint64_t size;
	const char *states[2]; /* S(1), S(2) */
	const char *digest;
} chain_golden[] = {
	{0, {0},
	 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{1, {0},
	 "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
	{55, {0},
	 "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59"},
	{56, {0},
	 "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562"},
	{63, {0},
	 "29af2686fd53374a36b0846694cc342177e428d1647515f078784d69cdb9e488"},
	{64, {0},
	 "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"},
	{65, {0},
	 "4bfd2c8b6f1eec7a2afeb48b934ee4b2694182027e6d0fc075074f2fabb31781"},
	{1048575, {0},
	 "2b8ad55f658c9dc292221045aa7937670c3f5000ec66281e4c308e431d857d9d"},
	{1048576, {0},
	 "2e2169bcf40895c77766bf5bddb22e1f9c87156dbcb3cb236774c3b8f45d7412"},
	{1048577, {"c4923ad992d8abfcc0bb961e3102aac6b5c042cf54f636881812557306a8b8c9"},
	 "045e487be7855ff7095a3cb866e2a40590517e312c74fa91c9a10ed8b014dcba"},
	{3145728, {"c4923ad992d8abfcc0bb961e3102aac6b5c042cf54f636881812557306a8b8c9", "7f46ac46103a13f61f024e3ef18206ab1ff48efd7e16fdb959250f4032f72072"},
	 "b6f1cc6bc78a8eb4aebd1d68d8a520c5d5647d1da83c0a1c113af5e5a25e9130"},
};

#endif
