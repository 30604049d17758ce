using System.Diagnostics.CodeAnalysis;

namespace PipelineOps.Tests;

/// <summary>
/// Holds the public surface against PublicApi.txt, for every target framework against the same file, so that a change of it is seen and reviewed.
/// </summary>
public sealed class PublicApiTests
{
    private const string Update = "UPDATE_PUBLIC_API=1 dotnet test tests/PipelineOps.Tests -f net10.0 --filter PublicApiTests";

    private static readonly string Listing = Path.Combine(Repository.Root, "tests", "PipelineOps.Tests", "PublicApi.txt");

    [Fact]
    public void The_public_surface_is_the_reviewed_one()
    {
        string actual = PublicSurface.Of(typeof(PipelineStage).Assembly.GetExportedTypes());
        if (Environment.GetEnvironmentVariable("UPDATE_PUBLIC_API") == "1")
            File.WriteAllText(Listing, actual);

        Assert.True(File.Exists(Listing), $"PublicApi.txt is missing. To write it: {Update}");
        string reviewed = File.ReadAllText(Listing).ReplaceLineEndings("\n");
        string[] before = [.. Qualified(reviewed)];
        string[] now = [.. Qualified(actual)];
        IEnumerable<string> differences = [.. before.Except(now).Select(line => $"- {line}"), .. now.Except(before).Select(line => $"+ {line}")];
        Assert.True(
            reviewed == actual,
            $"The public surface is not the one in PublicApi.txt (- there, + here):\n{string.Join('\n', differences)}\nIf that is meant, review and commit what this writes: {Update}");
    }

    [Fact]
    public void A_listing_shows_what_a_change_could_break()
    {
        Assert.Equal(
            """
            abstract class PipelineOps.Tests.PublicApiTests.Example<TKey, TValue> : IDisposable where TKey : notnull where TValue : class?, new()
                const string Text = "text"
                protected Example(in DateTime moment = default, params string?[] names)
                [Obsolete("Use Text.")] int Note { get; }
                string?[][]? Texts { get; protected set; }
                required Dictionary<TKey, List<TValue?>?> Values { get; init; }
                protected event Func<string?, (int, TValue)>? Changed
                T? Convert<T>(T value, DayOfWeek? day = DayOfWeek.Monday)
                virtual void Dispose()
                [DoesNotReturn] void Throw<T>(ref T value) where T : struct, IComparable<T>
                [return: NotNullIfNotNull("text")] protected abstract string? Trim(string? text)

            """,
            PublicSurface.Of([typeof(Example<,>)]));
    }

    /// <summary>The lines, each member with its type's name before it, since two types can have members that read the same.</summary>
    private static IEnumerable<string> Qualified(string listing)
    {
        string type = string.Empty;
        foreach (string line in listing.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith(' '))
            {
                yield return $"{type}: {line.Trim()}";
            }
            else
            {
                type = line.Split(' ').First(word => word.Contains('.', StringComparison.Ordinal));
                yield return line;
            }
        }
    }

    // One of each thing that the library could declare.
    public abstract class Example<TKey, TValue> : IDisposable
        where TKey : notnull
        where TValue : class?, new()
    {
        public const string Text = "text";

        protected Example(in DateTime moment = default, params string?[] names) => Texts = moment == default ? null : [[.. names]];

        private protected Example()
        {
        }

        [Obsolete("Use Text.")]
        public int Note => 0;

        public string?[][]? Texts { get; protected set; }

        public required Dictionary<TKey, List<TValue?>?> Values { get; init; }

        protected event Func<string?, (int Number, TValue Value)>? Changed;

        public T? Convert<T>(T value, DayOfWeek? day = DayOfWeek.Monday) => day is null || Texts is null ? default : value;

        [DoesNotReturn]
        public void Throw<T>(ref T value)
            where T : struct, IComparable<T> => throw new InvalidOperationException($"{value}{Texts}");

        public virtual void Dispose()
        {
            Changed?.Invoke(null);
            GC.SuppressFinalize(this);
        }

        [return: NotNullIfNotNull(nameof(text))]
        protected abstract string? Trim(string? text);

        internal void Hidden() => Trim(null);
    }
}
