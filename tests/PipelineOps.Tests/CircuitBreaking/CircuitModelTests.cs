using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.CircuitBreaking;

/// <summary>The circuit against models that keep every outcome in a list and judge it anew after each one.</summary>
public sealed class CircuitModelTests
{
    private static readonly Config Thorough = Config.QuickThrowOnFailure.WithMaxTest(2_000).WithEndSize(120);
    private static readonly TimeSpan SlowCall = TimeSpan.FromSeconds(1);

    private enum Kind
    {
        Success,
        Failure,
        SlowSuccess,
        SlowFailure,
        Neutral,
        Advance,
    }

    private sealed record Step(Kind Kind, int Milliseconds);

    private sealed record Case(int WindowMilliseconds, int WindowSize, int Minimum, int FailureTenths, int? SlowTenths, int? InARow, Step[] Steps)
    {
        public override string ToString() =>
            $"window {WindowMilliseconds} ms/{WindowSize}, minimum {Minimum}, ratio {FailureTenths}/10, slow {SlowTenths}/10, in a row {InARow}: {string.Join(' ', Steps.AsEnumerable())}";
    }

    [Fact]
    public void A_window_by_time_trips_when_and_why_a_list_of_outcomes_would() =>
        Prop.ForAll(Cases.ToArbitrary(), c => Agrees(c, CircuitWindowKind.Time)).Check(Thorough);

    [Fact]
    public void A_window_by_count_trips_when_and_why_a_queue_of_outcomes_would() =>
        Prop.ForAll(Cases.ToArbitrary(), c => Agrees(c, CircuitWindowKind.Count)).Check(Thorough);

    // Steps lie between a fraction of a bucket and more than a window, so that runs cross bucket boundaries, expire in part and expire whole.
    private static Gen<Case> Cases =>
        from window in Gen.Elements(100, 333, 1_600, 30_000)
        from size in Gen.Choose(1, 12)
        from minimum in Gen.Choose(1, size)
        from failureTenths in Gen.Choose(1, 10)
        from slowTenths in Gen.Elements<int?>(null, 2, 5, 7, 10)
        from inARow in Gen.Elements<int?>(null, 1, 3, 5)
        from steps in Gen.ArrayOf(
            from kind in Gen.Frequency(
                (6, Gen.Constant(Kind.Success)), (3, Gen.Constant(Kind.Failure)), (1, Gen.Constant(Kind.SlowSuccess)),
                (1, Gen.Constant(Kind.SlowFailure)), (1, Gen.Constant(Kind.Neutral)), (3, Gen.Constant(Kind.Advance)))
            from sixteenths in Gen.Frequency((4, Gen.Choose(0, 32)), (2, Gen.Choose(200, 300)), (1, Gen.Choose(0, 400)))
            select new Step(kind, window * sixteenths / 256))
        select new Case(window, size, minimum, failureTenths, slowTenths, inARow, steps);

    private static void Agrees(Case c, CircuitWindowKind window)
    {
        var time = new ManualTimeProvider();
        var circuit = new CircuitBreaker(
            new()
            {
                Window = window,
                WindowDuration = TimeSpan.FromMilliseconds(c.WindowMilliseconds),
                WindowSize = c.WindowSize,
                MinimumThroughput = c.Minimum,
                FailureRatio = c.FailureTenths / 10.0,
                SlowCallRatio = c.SlowTenths / 10.0,
                SlowCallDuration = SlowCall,
                ConsecutiveFailures = c.InARow,
            },
            time);
        CircuitTransition? last = null;
        circuit.Transitioned += transition => last = transition;
        var model = new Model(c, window);

        foreach (Step step in c.Steps)
        {
            if (step.Kind == Kind.Advance)
            {
                time.Advance(TimeSpan.FromMilliseconds(step.Milliseconds));
                model.Elapsed += step.Milliseconds;
            }
            else
            {
                Call(circuit, step.Kind);
                CircuitTransitionReason? expected = model.Record(step.Kind);
                Assert.Equal(expected, last?.Reason);
                if (expected is not null)
                {
                    circuit.Reset();
                    last = null;
                    model = new Model(c, window);
                }
            }

            CircuitSnapshot snapshot = circuit.GetSnapshot();
            Assert.Equal(CircuitState.Closed, snapshot.State);
            Assert.Equal(model.Counts, (snapshot.Successes, snapshot.Failures, snapshot.SlowCalls, snapshot.ConsecutiveFailures));
        }
    }

    private static void Call(CircuitBreaker circuit, Kind kind)
    {
        CircuitPermit permit = circuit.Admit();
        TimeSpan duration = kind is Kind.SlowSuccess or Kind.SlowFailure ? 2 * SlowCall : SlowCall;
        switch (kind)
        {
            case Kind.Success or Kind.SlowSuccess:
                permit.Success(duration);
                break;
            case Kind.Failure or Kind.SlowFailure:
                permit.Failure(duration);
                break;
            default:
                permit.Neutral();
                break;
        }
    }

    private sealed class Model(Case c, CircuitWindowKind window)
    {
        private readonly List<(long Bucket, bool Failed, bool Slow)> _outcomes = [];
        private int _failuresInARow;

        public long Elapsed { get; set; }

        public (long Successes, long Failures, long SlowCalls, int InARow) Counts
        {
            get
            {
                var live = Live().ToList();
                return (live.Count(static o => !o.Failed), live.Count(static o => o.Failed), live.Count(static o => o.Slow), _failuresInARow);
            }
        }

        public CircuitTransitionReason? Record(Kind kind)
        {
            if (kind == Kind.Neutral)
                return null;

            bool failed = kind is Kind.Failure or Kind.SlowFailure;
            bool slow = c.SlowTenths is not null && kind is Kind.SlowSuccess or Kind.SlowFailure;
            _outcomes.Add((Bucket(), failed, slow));
            _failuresInARow = failed ? _failuresInARow + 1 : 0;

            (long successes, long failures, long slowCalls, _) = Counts;
            long total = successes + failures;
            if (total >= c.Minimum && failures * 10 >= c.FailureTenths * total)
                return CircuitTransitionReason.FailureRatio;

            if (total >= c.Minimum && slowCalls * 10 >= c.SlowTenths * total)
                return CircuitTransitionReason.SlowCallRatio;

            return failed && _failuresInARow >= c.InARow ? CircuitTransitionReason.ConsecutiveFailures : null;
        }

        private long Bucket() => Elapsed * 16 / c.WindowMilliseconds;

        private IEnumerable<(long Bucket, bool Failed, bool Slow)> Live() => window == CircuitWindowKind.Count
            ? _outcomes.TakeLast(c.WindowSize)
            : _outcomes.Where(o => o.Bucket > Bucket() - 16);
    }
}
