using System.Diagnostics;
using System.Reflection;
using FsCheck;
using FsCheck.Fluent;

namespace PipelineOps.Tests.Errors;

/// <summary>Whatever the shape of an exception, its classification ends soon and on a small stack.</summary>
public sealed class ErrorClassifierPropertyTests
{
    private static readonly FieldInfo InnerException = typeof(Exception).GetField("_innerException", BindingFlags.Instance | BindingFlags.NonPublic)!;

    // Far above what a classification takes (under a millisecond) and far below what an unbounded walk would.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    [Fact]
    public void The_worst_leaf_of_any_small_tree_wins()
    {
        Prop.ForAll(Tree(depth: 4).ToArbitrary(), tree =>
        {
            ErrorSeverity worst = Leaves(tree).Max(leaf => ErrorClassifier.Default.Classify(leaf).Severity);

            return ErrorClassifier.Default.Classify(tree).Severity == worst;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_tree_with_a_cycle_anywhere_ends()
    {
        Prop.ForAll(Tree(depth: 4).ToArbitrary(), tree =>
        {
            Exception[] ends = [.. Leaves(tree).Where(leaf => leaf.GetType() == typeof(Exception))];
            Array.ForEach(ends, end => InnerException.SetValue(end, tree));
            try
            {
                ClassifySoon(tree);
            }
            finally
            {
                // A failed property prints its tree, which a cycle would never let end.
                Array.ForEach(ends, end => InnerException.SetValue(end, null));
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void An_exception_that_wraps_itself_is_unknown()
    {
        var exception = new Exception();
        InnerException.SetValue(exception, exception);

        Assert.Equal(ErrorClassification.Unknown, ClassifySoon(exception));
    }

    [Fact]
    public void Aggregates_that_contain_each_other_end()
    {
        // Every branch leads back to the root: without a bound on visits this grows as 50 to the power of the depth.
        var leaves = Enumerable.Range(0, 50).Select(_ => new Exception()).ToArray();
        var root = new AggregateException(leaves);
        foreach (Exception leaf in leaves)
            InnerException.SetValue(leaf, root);

        Assert.Equal(ErrorClassification.Unknown, ClassifySoon(root));
    }

    [Fact]
    public void A_cyclic_branch_does_not_hide_the_next_one()
    {
        var cyclic = new Exception();
        InnerException.SetValue(cyclic, cyclic);

        Assert.Equal(ErrorClassification.Permanent, ClassifySoon(new AggregateException(cyclic, new UnauthorizedAccessException())));
    }

    [Theory]
    [InlineData(63, ErrorCategory.DataQuality)]
    [InlineData(64, ErrorCategory.Unknown)]
    [InlineData(100_000, ErrorCategory.Unknown)]
    public void A_chain_is_followed_for_64_levels(int wrappers, ErrorCategory expected)
    {
        Exception chain = new FormatException();
        for (int i = 0; i < wrappers; i++)
            chain = new Exception("wrapper", chain);

        Assert.Equal(expected, ClassifySoon(chain).Category);
    }

    [Fact]
    public void Aggregates_nested_100_000_deep_end_on_a_small_stack()
    {
        // Built by reflection, because the constructor of an aggregate reads the messages of what it holds, nested ones included.
        FieldInfo branches = typeof(AggregateException).GetField("_innerExceptions", BindingFlags.Instance | BindingFlags.NonPublic)!;
        Exception nested = new FormatException();
        for (int i = 0; i < 100_000; i++)
        {
            var aggregate = new AggregateException();
            branches.SetValue(aggregate, new[] { nested, nested });
            nested = aggregate;
        }

        ErrorClassification? classification = null;
        var thread = new Thread(() => classification = ClassifySoon(nested), maxStackSize: 128 * 1024);
        thread.Start();
        thread.Join();

        Assert.Equal(ErrorClassification.Unknown, classification);
    }

    [Theory]
    [InlineData(1_023, ErrorCategory.Permanent)]
    [InlineData(1_024, ErrorCategory.Cancelled)]
    [InlineData(100_000, ErrorCategory.Cancelled)]
    public void The_first_1_024_exceptions_of_a_huge_aggregate_are_judged(int length, ErrorCategory expected)
    {
        Exception[] branches = [.. Enumerable.Range(1, length).Select(i => i == length ? new UnauthorizedAccessException() : (Exception)new OperationCanceledException())];

        Assert.Equal(expected, ClassifySoon(new AggregateException(branches), new CancellationToken(canceled: true)).Category);
    }

    private static ErrorClassification ClassifySoon(Exception exception, CancellationToken callerToken = default)
    {
        var elapsed = Stopwatch.StartNew();

        ErrorClassification classification = ErrorClassifier.Default.Classify(exception, callerToken);

        Assert.InRange(elapsed.Elapsed, TimeSpan.Zero, Soon);
        return classification;
    }

    private static Gen<Exception> Tree(int depth)
    {
        Gen<Exception> leaf = Gen.Elements<Func<Exception>>(
                () => new Exception(), () => new TimeoutException(), () => new FormatException(), () => new NullReferenceException(), () => new UnauthorizedAccessException())
            .Select(create => create());
        if (depth == 0)
            return leaf;

        Gen<Exception> inner = Tree(depth - 1);
        return Gen.Frequency(
            (1, leaf),
            (2, inner.Select(Exception (wrapped) => new Exception("wrapper", wrapped))),
            (1, inner.Select(Exception (wrapped) => new TargetInvocationException(wrapped))),
            (3, Gen.Choose(1, 4).SelectMany(count => inner.ArrayOf(count)).Select(Exception (branches) => new AggregateException(branches))));
    }

    private static IEnumerable<Exception> Leaves(Exception tree) => tree switch
    {
        AggregateException aggregate => aggregate.InnerExceptions.SelectMany(Leaves),
        { InnerException: { } inner } => Leaves(inner),
        _ => [tree],
    };
}
