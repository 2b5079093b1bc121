/* A TCP echo server, one thread, edge-triggered epoll(7): what the system calls themselves cost.
 *
 * usage: echo-epoll PORT
 *
 * A message that is received whole costs one recv(2) and one send(2). A receive that does not fill the buffer has emptied
 * the socket (epoll(7), question 9), so none is made to find that out. While a caller does not take its answer, nothing
 * more is received from it. No memory is held for a caller to whom nothing is owed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 64 * 1024, EVENTS = 512, BACKLOG = 4096, DESCRIPTORS = 1 << 20 };

/* What is owed to a caller, by its descriptor. */
struct owed {
	char *bytes;
	size_t from, to;
};

static struct owed *owed;
static char buffer[BUFFER_BYTES];

static void fail(const char *call)
{
	perror(call);
	exit(1);
}

static int listen_at(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (listener < 0)
		fail("socket");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	/* Those that are accepted have it too. */
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
		fail("bind");
	if (listen(listener, BACKLOG) < 0)
		fail("listen");
	return listener;
}

static void watch(int epoll, int socket, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = socket };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) < 0)
		fail("epoll_ctl");
}

static void answer_callers(int epoll, int listener)
{
	int caller;

	while ((caller = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (caller >= DESCRIPTORS)
			close(caller);
		else
			watch(epoll, caller, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	}
	if (errno != EAGAIN && errno != ECONNABORTED && errno != EMFILE)
		fail("accept4");
}

static void hang_up(int caller)
{
	free(owed[caller].bytes);
	owed[caller] = (struct owed){ 0 };
	close(caller);
}

/* Sends what can be sent; the number of bytes, or -1 where the call is over. */
static ssize_t send_some(int caller, const char *bytes, size_t length)
{
	ssize_t sent = send(caller, bytes, length, MSG_NOSIGNAL);

	return sent >= 0 ? sent : errno == EAGAIN ? 0 : -1;
}

/* Whether nothing is owed any more; hangs up where the call is over. */
static bool pay(int caller, bool *over)
{
	struct owed *due = &owed[caller];

	while (due->bytes) {
		ssize_t sent = send_some(caller, due->bytes + due->from, due->to - due->from);

		if (sent < 0)
			*over = true;
		if (sent <= 0)
			return false;
		due->from += sent;
		if (due->from == due->to) {
			free(due->bytes);
			*due = (struct owed){ 0 };
		}
	}
	return true;
}

static void owe(int caller, const char *bytes, size_t length)
{
	char *copy = malloc(length);

	if (!copy)
		fail("malloc");
	memcpy(copy, bytes, length);
	owed[caller] = (struct owed){ copy, 0, length };
}

/* Echoes until the caller has said nothing more, or takes nothing more. */
static void serve(int caller, bool has_finished)
{
	bool over = false;

	while (!over && pay(caller, &over)) {
		ssize_t length = recv(caller, buffer, sizeof buffer, 0);

		if (length < 0 && errno == EAGAIN)
			return;
		if (length <= 0) {
			over = true;
			break;
		}
		ssize_t sent = send_some(caller, buffer, length);

		if (sent < 0)
			over = true;
		else if (sent < length)
			owe(caller, buffer + sent, length - sent);
		else if (length < BUFFER_BYTES && !has_finished)
			return;
	}
	if (over)
		hang_up(caller);
}

int main(int count, char **words)
{
	struct epoll_event events[EVENTS];

	if (count != 2) {
		fprintf(stderr, "usage: echo-epoll PORT\n");
		return 2;
	}
	int epoll = epoll_create1(0);
	int listener = listen_at(atoi(words[1]));

	owed = calloc(DESCRIPTORS, sizeof *owed);
	if (epoll < 0 || !owed)
		fail("epoll_create1");
	watch(epoll, listener, EPOLLIN | EPOLLET);
	for (;;) {
		int ready = epoll_wait(epoll, events, EVENTS, -1);

		if (ready < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < ready; i++) {
			if (events[i].data.fd == listener)
				answer_callers(epoll, listener);
			else
				serve(events[i].data.fd, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
		}
	}
}
