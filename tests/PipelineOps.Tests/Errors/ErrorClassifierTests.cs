using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text.Json;

namespace PipelineOps.Tests.Errors;

public sealed class ErrorClassifierTests
{
    private static readonly CancellationToken Cancelled = new(canceled: true);

    [Fact]
    public void An_exception_and_a_configuration_are_required()
    {
        Assert.Throws<ArgumentNullException>(() => ErrorClassifier.Default.Classify(null!));
        Assert.Throws<ArgumentNullException>(() => ErrorClassifier.Create(null!));
    }

    [Fact]
    public void A_rule_needs_its_function_and_a_category_with_a_name() => ErrorClassifier.Create(errors =>
    {
        Assert.Throws<ArgumentNullException>(() => errors.Map<Exception>((Func<Exception, ErrorClassification?>)null!));
        Assert.Throws<ArgumentNullException>(() => errors.Map<Exception>(null!, ErrorCategory.Transient));
        Assert.Throws<ArgumentNullException>(() => errors.Map<Exception>(null!, ErrorClassification.Transient));
        Assert.Throws<ArgumentOutOfRangeException>(() => errors.Map<Exception>((ErrorCategory)99));
        Assert.Throws<ArgumentOutOfRangeException>(() => errors.Map<Exception>(_ => true, (ErrorCategory)99));
        Assert.Throws<ArgumentOutOfRangeException>(() => errors.Category(ErrorClassification.Transient with { Category = (ErrorCategory)99 }));
    });

    [Fact]
    public void A_predicate_that_throws_counts_as_no_match()
    {
        var classifier = ErrorClassifier.Create(errors => errors
            .Map<FormatException>(bool (_) => throw new InvalidOperationException(), ErrorCategory.Permanent)
            .Map<FormatException>(ErrorClassification? (_) => throw new OperationCanceledException())
            .Map<FormatException>(ErrorCategory.BusinessRule));

        Assert.Equal(ErrorClassification.BusinessRule, classifier.Classify(new FormatException()));
    }

    [Fact]
    public void A_predicate_that_throws_leaves_the_defaults_in_place()
    {
        var classifier = ErrorClassifier.Create(errors => errors
            .Map<Exception>(exception => exception.InnerException!.Message.Length > 0, ErrorCategory.Permanent));

        Assert.Equal(ErrorClassification.DataQuality, classifier.Classify(new FormatException()));
        Assert.Equal(ErrorClassification.Permanent, classifier.Classify(new FormatException("outer", new InvalidOperationException())));
    }

    [Fact]
    public void The_first_rule_that_matches_wins()
    {
        var classifier = ErrorClassifier.Create(errors => errors
            .Map<LegacyApiException>(exception => exception.Code == 1, ErrorCategory.Throttled)
            .Map<LegacyApiException>(exception => exception.Code <= 2, ErrorClassification.Schema)
            .Map<LegacyApiException>(exception => exception.Code == 3 ? ErrorClassification.Defect : null)
            .Map<LegacyApiException>(ErrorCategory.BusinessRule)
            .Map<LegacyApiException>(ErrorClassification.Permanent));

        Assert.Equal(
            [ErrorClassification.Throttled, ErrorClassification.Schema, ErrorClassification.Defect, ErrorClassification.BusinessRule],
            Enumerable.Range(1, 4).Select(code => classifier.Classify(new LegacyApiException(code))));
    }

    [Fact]
    public void A_rule_comes_before_the_defaults_and_takes_subclasses()
    {
        var classifier = ErrorClassifier.Create(errors => errors.Map<IOException>(ErrorCategory.Throttled));

        Assert.Equal(ErrorClassification.Throttled, classifier.Classify(new FileNotFoundException()));
        Assert.Equal(ErrorClassification.DataQuality, classifier.Classify(new FormatException()));
    }

    [Fact]
    public void A_rule_takes_no_base_class()
    {
        var classifier = ErrorClassifier.Create(errors => errors.Map<FileNotFoundException>(ErrorCategory.DataQuality));

        Assert.Equal(ErrorClassification.Unknown, classifier.Classify(new IOException()));
    }

    [Fact]
    public void The_outermost_match_wins_over_an_earlier_rule_for_what_it_wraps()
    {
        var classifier = ErrorClassifier.Create(errors => errors
            .Map<FormatException>(ErrorCategory.BusinessRule)
            .Map<LegacyApiException>(ErrorCategory.Throttled));

        Assert.Equal(ErrorClassification.Throttled, classifier.Classify(new LegacyApiException(1, new FormatException())));
        Assert.Equal(ErrorClassification.BusinessRule, classifier.Classify(new FormatException("outer", new LegacyApiException(1))));
    }

    [Fact]
    public void An_exception_that_no_rule_matches_is_judged_by_what_it_wraps() =>
        Assert.Equal(ErrorClassification.DataQuality, ErrorClassifier.Default.Classify(new LegacyApiException(1, new InvalidOperationException("", new FormatException()))));

    [Fact]
    public void A_declared_wrapper_is_judged_by_what_it_wraps_although_a_default_would_match_it()
    {
        var wrapped = new ImportStepException(new TimeoutException());

        Assert.Equal(ErrorClassification.Defect, ErrorClassifier.Default.Classify(wrapped));
        Assert.Equal(ErrorClassification.Transient, ErrorClassifier.Create(errors => errors.Transparent<ImportStepException>()).Classify(wrapped));
        Assert.Equal(ErrorClassification.Transient, ErrorClassifier.Create(errors => errors.Transparent<ArgumentException>()).Classify(wrapped));
    }

    [Fact]
    public void A_declared_wrapper_around_nothing_is_unknown() =>
        Assert.Equal(ErrorClassification.Unknown, ErrorClassifier.Create(errors => errors.Transparent<ImportStepException>()).Classify(new ImportStepException(null)));

    [Fact]
    public void A_rule_before_the_declaration_of_a_wrapper_still_matches_it()
    {
        var classifier = ErrorClassifier.Create(errors => errors
            .Map<ImportStepException>(exception => exception.InnerException is null, ErrorCategory.Permanent)
            .Transparent<ImportStepException>()
            .Map<ImportStepException>(ErrorCategory.Schema));

        Assert.Equal(ErrorClassification.Permanent, classifier.Classify(new ImportStepException(null)));
        Assert.Equal(ErrorClassification.Transient, classifier.Classify(new ImportStepException(new TimeoutException())));
    }

    [Fact]
    public void A_rule_of_the_user_can_match_an_aggregate_itself()
    {
        var classifier = ErrorClassifier.Create(errors => errors.Map<AggregateException>(exception => exception.InnerExceptions.Count > 2, ErrorCategory.Permanent));

        Assert.Equal(ErrorClassification.Permanent, classifier.Classify(new AggregateException(new Exception(), new Exception(), new Exception())));
        Assert.Equal(ErrorClassification.DataQuality, classifier.Classify(new AggregateException(new FormatException())));
    }

    [Fact]
    public void An_empty_aggregate_is_unknown() => Assert.Equal(ErrorClassification.Unknown, ErrorClassifier.Default.Classify(new AggregateException()));

    [Fact]
    public void The_most_severe_branch_of_an_aggregate_wins_wherever_it_stands()
    {
        Exception[] branches = [new TimeoutException(), new UnauthorizedAccessException(), new NullReferenceException()];

        Assert.Equal(ErrorClassification.Permanent, ErrorClassifier.Default.Classify(new AggregateException(branches)));
        Assert.Equal(ErrorClassification.Permanent, ErrorClassifier.Default.Classify(new AggregateException(branches.AsEnumerable().Reverse())));
        Assert.Equal(
            ErrorClassification.Permanent,
            ErrorClassifier.Default.Classify(new AggregateException(new TimeoutException(), new TargetInvocationException(new AggregateException(branches)))));
    }

    [Fact]
    public void Of_equally_severe_branches_the_one_that_no_retry_can_help_wins()
    {
        Assert.Equal(ErrorClassification.DataQuality, ErrorClassifier.Default.Classify(new AggregateException(new TimeoutException(), new FormatException())));
        Assert.Equal(ErrorClassification.Defect, ErrorClassifier.Default.Classify(new AggregateException(new OutOfMemoryException(), new NullReferenceException())));
    }

    [Fact]
    public void Of_equal_branches_the_longer_delay_wins()
    {
        CircuitOpenException[] branches = [Open(3), Open(30), Open(7)];

        Assert.Equal(TimeSpan.FromSeconds(30), ErrorClassifier.Default.Classify(new AggregateException(branches)).RetryAfter);

        static CircuitOpenException Open(int seconds) => new("orders", "load", TimeSpan.FromSeconds(seconds));
    }

    [Fact]
    public void Of_otherwise_equal_branches_the_earlier_wins()
    {
        Assert.Equal(ErrorClassification.Transient, ErrorClassifier.Default.Classify(new AggregateException(new TimeoutException(), new Exception())));
        Assert.Equal(ErrorClassification.Unknown, ErrorClassifier.Default.Classify(new AggregateException(new Exception(), new TimeoutException())));
    }

    [Fact]
    public void A_cancellation_by_the_caller_is_cancelled_also_when_wrapped()
    {
        OperationCanceledException[] cancellations = [new(), new TaskCanceledException(), new(Cancelled), new TaskCanceledException("", new TimeoutException())];

        foreach (OperationCanceledException cancellation in cancellations)
        {
            Assert.Equal(ErrorClassification.Cancelled, ErrorClassifier.Default.Classify(cancellation, Cancelled));
            Assert.Equal(ErrorClassification.Cancelled, ErrorClassifier.Default.Classify(new AggregateException(cancellation, cancellation), Cancelled));
            Assert.Equal(ErrorClassification.Cancelled, ErrorClassifier.Default.Classify(new InvalidOperationException("", cancellation), Cancelled));
        }
    }

    [Fact]
    public void A_cancellation_that_the_caller_did_not_ask_for_is_transient()
    {
        using var caller = new CancellationTokenSource();

        Assert.Equal(ErrorClassification.Transient, ErrorClassifier.Default.Classify(new TaskCanceledException("", new TimeoutException()), caller.Token));
        Assert.Equal(ErrorClassification.Transient, ErrorClassifier.Default.Classify(new OperationCanceledException(Cancelled), caller.Token));
        Assert.Equal(ErrorClassification.Transient, ErrorClassifier.Default.Classify(new OperationCanceledException()));
    }

    [Fact]
    public void No_rule_can_hide_a_cancellation_by_the_caller()
    {
        var classifier = ErrorClassifier.Create(errors => errors.Map<Exception>(ErrorCategory.Permanent));

        Assert.Equal(ErrorClassification.Cancelled, classifier.Classify(new OperationCanceledException(), Cancelled));
        Assert.Equal(ErrorClassification.Permanent, classifier.Classify(new OperationCanceledException()));
    }

    [Fact]
    public void A_failure_of_its_own_is_no_cancellation_although_the_caller_cancelled_meanwhile()
    {
        Assert.Equal(ErrorClassification.DataQuality, ErrorClassifier.Default.Classify(new FormatException(), Cancelled));
        Assert.Equal(ErrorClassification.DataQuality, ErrorClassifier.Default.Classify(new AggregateException(new OperationCanceledException(), new FormatException()), Cancelled));
    }

    [Fact]
    public void Replaced_defaults_of_a_category_hold_for_every_rule_that_answers_with_them()
    {
        ErrorClassification severe = ErrorClassification.DataQuality with { Severity = ErrorSeverity.Critical };
        ErrorClassification mild = ErrorClassification.DataQuality with { Severity = ErrorSeverity.Low };
        var classifier = ErrorClassifier.Create(errors => errors
            .Map<LegacyApiException>(exception => exception.Code == 1, ErrorCategory.DataQuality)
            .Map<LegacyApiException>(mild)
            .Category(severe));

        Assert.Equal(severe, classifier.Classify(new FormatException()));
        Assert.Equal(severe, classifier.Classify(new LegacyApiException(1)));
        Assert.Equal(mild, classifier.Classify(new LegacyApiException(2)));
        Assert.Equal(ErrorClassification.Transient, classifier.Classify(new TimeoutException()));
    }

    [Fact]
    public void Replaced_defaults_hold_for_unknown_and_cancelled_errors_too()
    {
        ErrorClassification unknown = ErrorClassification.Unknown with { Severity = ErrorSeverity.High };
        ErrorClassification cancelled = ErrorClassification.Cancelled with { Severity = ErrorSeverity.Medium };
        var classifier = ErrorClassifier.Create(errors => errors.Category(unknown).Category(cancelled));

        Assert.Equal(unknown, classifier.Classify(new InvalidOperationException()));
        Assert.Equal(cancelled, classifier.Classify(new OperationCanceledException(), Cancelled));
    }

    [Fact]
    public void Replaced_defaults_decide_which_branch_of_an_aggregate_is_worst()
    {
        var classifier = ErrorClassifier.Create(errors => errors.Category(ErrorClassification.Transient with { Severity = ErrorSeverity.Critical }));

        Assert.Equal(ErrorCategory.Transient, classifier.Classify(new AggregateException(new NullReferenceException(), new TimeoutException())).Category);
    }

    [Fact]
    public void Replaced_defaults_keep_the_delay_that_came_with_the_error()
    {
        var classifier = ErrorClassifier.Create(errors => errors
            .Category(ErrorClassification.Throttled with { Severity = ErrorSeverity.Low, RetryAfter = TimeSpan.FromSeconds(1) }));

        Assert.Equal(
            ErrorClassification.Throttled with { Severity = ErrorSeverity.Low, RetryAfter = TimeSpan.FromSeconds(9) },
            classifier.Classify(new CircuitOpenException("orders", "load", TimeSpan.FromSeconds(9))));
        Assert.Equal(TimeSpan.FromSeconds(1), classifier.Classify(new CircuitOpenException("orders", "load", retryAfter: null)).RetryAfter);
    }

    [Fact]
    public void A_builder_kept_beyond_its_configuration_changes_nothing()
    {
        ErrorClassifierBuilder? kept = null;
        var classifier = ErrorClassifier.Create(errors => kept = errors);

        kept!.Map<FormatException>(ErrorCategory.Permanent).Category(ErrorClassification.DataQuality with { Severity = ErrorSeverity.Low });

        Assert.Equal(ErrorClassification.DataQuality, classifier.Classify(new FormatException()));
    }

    [Fact]
    public void The_snippet_of_the_page_compiles_and_does_what_it_says()
    {
        // snippet: error-rules
        var classifier = ErrorClassifier.Create(errors => errors
            .Map<CreditLimitException>(ErrorCategory.BusinessRule)
            .Map<LegacyApiException>(e => e.Code == 17, ErrorClassification.Throttled with { RetryAfter = TimeSpan.FromSeconds(30) })
            .Map<LegacyApiException>(e => e.Response is { } response ? HttpResponseClassification.Classify(response) : null)
            .Transparent<ImportStepException>()
            .Category(ErrorClassification.Schema with { Severity = ErrorSeverity.Critical }));
        // end snippet

        Assert.Equal(ErrorClassification.BusinessRule, classifier.Classify(new CreditLimitException()));
        Assert.Equal(ErrorClassification.Throttled with { RetryAfter = TimeSpan.FromSeconds(30) }, classifier.Classify(new LegacyApiException(17)));
        Assert.Equal(ErrorClassification.Permanent, classifier.Classify(new LegacyApiException(1) { Response = new(HttpStatusCode.Forbidden) }));
        Assert.Equal(ErrorClassification.Unknown, classifier.Classify(new LegacyApiException(1)));
        Assert.Equal(ErrorClassification.Transient, classifier.Classify(new ImportStepException(new TimeoutException())));
        Assert.Equal(ErrorSeverity.Critical, classifier.Classify(new KeyNotFoundException()).Severity);
    }

    [Fact]
    public void Classification_allocates_nothing()
    {
        var classifier = ErrorClassifier.Create(errors => errors
            .Map<LegacyApiException>(exception => exception.Code == 17, ErrorClassification.Throttled)
            .Transparent<ImportStepException>()
            .Category(ErrorClassification.Schema with { Severity = ErrorSeverity.Critical }));
        Exception[] exceptions =
        [
            new TimeoutException(), new FormatException(), new NullReferenceException(), new KeyNotFoundException(), new InvalidOperationException(),
            new OperationCanceledException(), new IOException("", 28), new HttpRequestException("", null, HttpStatusCode.BadGateway),
            new HttpRequestException(HttpRequestError.ConnectionError), new System.Net.Sockets.SocketException(10061), new FakeDbException("40001"),
            new JsonException(), new LegacyApiException(17), new ImportStepException(new TimeoutException()),
            new InvalidOperationException("", new TimeoutException()), new AggregateException(new TimeoutException(), new FormatException()),
        ];

        // Twice, so that the compiler's later tiers and what .NET creates on first use are out of the way.
        long allocated = 0;
        for (int round = 0; round < 2; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 200; i++)
            {
                foreach (Exception exception in exceptions)
                {
                    ErrorClassifier.Default.Classify(exception);
                    classifier.Classify(exception, Cancelled);
                }
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
    }

    private sealed class CreditLimitException : Exception;

    private sealed class LegacyApiException(int code, Exception? inner = null) : Exception(code.ToString(CultureInfo.InvariantCulture), inner)
    {
        public int Code => code;

        public HttpResponseMessage? Response { get; init; }
    }

    private sealed class ImportStepException(Exception? inner) : ArgumentException("step", inner);
}
