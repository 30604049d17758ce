using System.Text;

namespace PipelineOps.Tests.Recovery.Schemas;

public sealed class SchemaEvolutionTests
{
    private static readonly RecordSchema Expected = RecordSchema.OfJson("""{"id":1,"name":"a"}"""u8);

    private readonly ManualTimeProvider _time = new();
    private readonly MemoryFailureStore _store;
    private readonly List<string> _handled = [];

    public SchemaEvolutionTests() => _store = new MemoryFailureStore(_time);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Records_without_a_required_column_are_quarantined_and_grouped_by_what_is_different()
    {
        using PipelineStage stage = Stage(new(Expected, Read));

        RecordResult[] results = [await Process(stage, """{"id":1}"""), await Process(stage, """{"id":2}"""), await Process(stage, """{"id":"x","name":"a"}""")];

        Assert.All(results, result => Assert.Equal((Disposition.Quarantined, DispositionReason.Poison, NextActionKind.Continue), (result.Disposition, result.Reason, result.Next.Kind)));
        Assert.Equal(
            [Difference("""{"id":1}"""), Difference("""{"id":1}"""), Difference("""{"id":"x","name":"a"}""")],
            _store.All.Select(failure => failure.Record.Fingerprint));
        Assert.Equal(3, _handled.Count);
    }

    [Fact]
    public async Task A_record_with_an_added_nullable_column_goes_on_after_one_more_try()
    {
        using PipelineStage stage = Stage(new(Expected, Read) { Adapt = (record, difference) => $"adapted {difference}" });

        RecordResult result = await Process(stage, """{"id":1,"name":"a","note":null}""");

        Assert.Equal((Disposition.Succeeded, 2), (result.Disposition, result.Attempts));
        Assert.Equal(["""{"id":1,"name":"a","note":null}""", "adapted added note (null)"], _handled);
        Assert.Empty(_store.All);
    }

    [Fact]
    public async Task A_record_that_needs_no_adapting_is_tried_as_it_is()
    {
        bool healed = false;
        using PipelineStage stage = Stage(new(Expected, Read));

        RecordResult result = await stage.ProcessAsync(
            """{"id":1,"name":"a","note":null}""",
            (record, _) =>
            {
                _handled.Add(record);
                return healed ? default : throw Healing();
            },
            Token).InTime();

        Assert.Equal(Disposition.Succeeded, result.Disposition);
        Assert.Single(_handled.Distinct());

        ClassifiedException Healing()
        {
            healed = true;
            return new ClassifiedException(ErrorClassification.Schema);
        }
    }

    [Fact]
    public async Task A_record_that_fails_by_its_schema_again_is_quarantined_after_exactly_one_more_try()
    {
        const string Record = """{"id":1,"name":"a","note":null}""";
        using PipelineStage stage = Stage(new(Expected, Read));

        RecordResult result = await Process(stage, Record);

        Assert.Equal((Disposition.Quarantined, 2, 2), (result.Disposition, result.Attempts, _handled.Count));
        Assert.Equal(Difference(Record), _store.All.Single().Record.Fingerprint);
    }

    [Fact]
    public async Task A_record_that_fails_for_another_reason_when_it_is_tried_again_goes_that_reasons_way()
    {
        using PipelineStage stage = Stage(new(Expected, Read));

        RecordResult result = await stage.ProcessAsync(
            """{"id":1,"name":"a","note":null}""",
            (record, _) =>
            {
                _handled.Add(record);
                throw new ClassifiedException(_handled.Count == 1 ? ErrorClassification.Schema : ErrorClassification.Transient);
            },
            Token).InTime();

        Assert.Equal((Disposition.DeadLettered, DispositionReason.Exhausted), (result.Disposition, result.Reason));
        Assert.Equal(ErrorCategory.Transient, _store.All.Single().Record.Category);
        Assert.NotEqual(Difference("""{"id":1,"name":"a","note":null}"""), _store.All.Single().Record.Fingerprint);
    }

    [Fact]
    public async Task A_record_whose_one_more_try_is_cancelled_is_given_back()
    {
        using var cancellation = new CancellationTokenSource();
        using PipelineStage stage = Stage(new(Expected, Read)
        {
            Adapt = (record, _) =>
            {
                cancellation.Cancel();
                return record;
            },
        });

        RecordResult result = await stage.ProcessAsync(
            """{"id":1,"name":"a","note":null}""",
            (_, token) =>
            {
                token.ThrowIfCancellationRequested();
                throw new ClassifiedException(ErrorClassification.Schema);
            },
            cancellation.Token).InTime();

        Assert.Equal((Disposition.Returned, NextActionKind.Requeue), (result.Disposition, result.Next.Kind));
        Assert.Empty(_store.All);
    }

    [Theory]
    [InlineData("read")]
    [InlineData("isCompatible")]
    [InlineData("adapt")]
    public async Task A_record_is_quarantined_when_a_function_throws_and_both_errors_are_kept(string broken)
    {
        var error = new NotSupportedException($"{broken} is broken");
        using PipelineStage stage = Stage(new(Expected, record => broken == "read" ? throw error : Read(record))
        {
            IsCompatible = _ => broken == "isCompatible" ? throw error : true,
            Adapt = (record, _) => broken == "adapt" ? throw error : record,
        });

        RecordResult result = await Process(stage, """{"id":1}""");

        Assert.Equal((Disposition.Quarantined, 1), (result.Disposition, _handled.Count));
        Assert.Equal(["no such column", error.Message], _store.All.Single().Record.Exceptions.Select(cause => cause.Message));
    }

    [Fact]
    public async Task What_is_compatible_is_for_the_user_to_say()
    {
        using PipelineStage stage = Stage(new(Expected, Read)
        {
            IsCompatible = difference => difference.Missing is [{ Name: "name" }],
            Adapt = (_, _) => "adapted",
        });

        Assert.Equal(Disposition.Succeeded, (await Process(stage, """{"id":1}""")).Disposition);
        Assert.Equal(Disposition.Quarantined, (await Process(stage, """{"id":1,"name":"a","note":null}""")).Disposition);
    }

    [Fact]
    public async Task Records_of_another_type_are_left_to_the_next_strategy()
    {
        using PipelineStage stage = Stage(new(Expected, Read));

        RecordResult result = await stage.ProcessAsync(1, (_, _) => throw new ClassifiedException(ErrorClassification.Schema), Token).InTime();

        Assert.Equal((Disposition.Quarantined, 1), (result.Disposition, result.Attempts));
    }

    [Fact]
    public async Task A_schema_error_without_a_difference_keeps_the_fingerprint_of_its_exception()
    {
        const string Record = """{"id":1,"name":"a"}""";
        using PipelineStage stage = Stage(new(Expected, Read));

        RecordResult result = await Process(stage, Record);

        Assert.Equal((Disposition.Quarantined, 2), (result.Disposition, result.Attempts));
        Assert.NotEqual(Difference(Record), _store.All.Single().Record.Fingerprint);
    }

    private static RecordSchema Read(string record) => RecordSchema.OfJson(Encoding.UTF8.GetBytes(record));

    private static string Difference(string record) => SchemaDifference.Between(Expected, Read(record)).Fingerprint;

    private PipelineStage Stage(SchemaEvolution<string> evolution) =>
        RecordStage.Create(_time, _store, options => options.Recovery.Use(RecoveryStrategy.EvolveSchema, evolution));

    // Takes adapted records only.
    private Task<RecordResult> Process(PipelineStage stage, string record) => stage.ProcessAsync(
        record,
        (current, _) =>
        {
            _handled.Add(current);
            return current.StartsWith("adapted", StringComparison.Ordinal) ? default : throw new ClassifiedException(ErrorClassification.Schema, "no such column");
        },
        Token).InTime();
}
