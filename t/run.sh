#!/bin/sh
# Runs TAP programs side by side and counts assertions.
#
#	t/run.sh JOBS TEST...
#
# The last line is "N passed, N failed". A file that dies, has no plan or runs
# past the deadline counts as a failure too. Reports of sanitizers in
# $PC_REPORTS are failures, also those of processes whose stderr nobody read.
set -eu

export PC_DEADLINE="${PC_DEADLINE-900}"     # seconds a file may take at most
exec perl -MTAP::Harness -e '
	use strict;
	use warnings;

	my $jobs = shift;
	my $reports = $ENV{PC_REPORTS};
	# Its own process group: a test that hangs is ended with its children.
	my @with = ("timeout", "-k", "10", $ENV{PC_DEADLINE});

	# They are in groups of their own, so ctrl-C must be passed on.
	$SIG{INT} = $SIG{TERM} = sub {
		my $signal = shift;
		kill TERM => split " ", `ps -o pid= --ppid $$`;
		exit($signal eq "INT" ? 130 : 143);
	};

	unlink glob "$reports/*" if $reports;
	my $harness = TAP::Harness->new({ jobs => $jobs, exec => \@with,
		failures => 1, comments => 1 });
	my $all = eval { $harness->runtests(@ARGV) };
	if (!$all) {
		print "stopped: $@\n0 passed, 1 failed\n";
		exit 1;
	}
	my ($passed, $failed) = (scalar $all->passed, scalar $all->failed);

	for my $file ($all->descriptions) {
		my ($test) = $all->parsers($file);
		my $skipped = $test->skip_all;
		print "skipped: $file: $skipped\n" if $skipped;
		next if $test->failed;
		$failed++ if $test->exit || $test->wait || $test->parse_errors;
	}
	for my $report ($reports ? glob("$reports/*") : ()) {
		open my $text, "<", $report or next;
		# Tests ask for more than there is, and are told so: no fault.
		my @lines = grep !/WARNING: .* failed to allocate/, <$text>;
		next unless grep /\S/, @lines;
		print "$report:\n", @lines;
		$failed++;
	}
	print "$passed passed, $failed failed\n";
	exit($failed || !$passed ? 1 : 0);
' "$@"
